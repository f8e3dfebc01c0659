"""The tests that the page on security names are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    names = set(re.findall(r"`(test_\w+)`", PAGE))
    assert names
    assert {name for name in names if f"def {name}(" not in sources} == set()


def test_every_file_that_the_page_names_is_there() -> None:
    paths = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_every_row_names_a_test() -> None:
    table = PAGE.partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row for row in rows if "tests/" not in row.rpartition(" | ")[2]] == []
