import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "sans_io_protocol.py"
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def fenced(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_shows_the_example_as_it_is() -> None:
    assert fenced("python") == EXAMPLE.read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == fenced("text")
