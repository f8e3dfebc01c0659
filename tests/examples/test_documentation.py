"""The pages are true: generated parts are up to date, links lead somewhere, programs run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGE = re.compile(r"\]\(((?:docs/)?[\w-]+\.md)\)")
MEMORY = re.compile(r"\d MB (at start|with [\d,]+ \w+ readers)")


def test_the_pages_are_up_to_date_and_their_links_and_snippets_good() -> None:
    builder = str(ROOT / "tools" / "build_docs.py")
    done = subprocess.run([sys.executable, builder, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_embeds_in_ten_lines_that_run(run_code: Any, watch: Any) -> None:
    pytest.importorskip("av")
    snippet = SNIPPET.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 10
    example = run_code(snippet)
    example.publish(example.publish_url("/stream1"))
    assert watch(example.publish_url("/stream1")) == 10
    assert example.stop() == 0


@pytest.mark.parametrize("name", ["authentication", "check_mount", "client_close"])
def test_the_readmes_hooks_are_those_of_the_examples(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = (ROOT / "examples" / f"hook_{name}.py").read_text(encoding="utf-8")
    function = re.search(rf"^(?:async )?def {name}\(.*\n(?:    .*\n)+", example, re.MULTILINE)
    assert function is not None
    assert function[0] in readme


def test_the_index_names_every_page_once() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    named = PAGE.findall(index)
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert sorted(named) == sorted(pages)


def test_the_readme_names_every_page_for_users_once() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = [name.removeprefix("docs/") for name in PAGE.findall(readme.partition("## Read on")[2])]
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for_users = PAGE.findall(index.partition("To work on it")[0])
    assert len(named) == len(set(named))
    assert set(for_users) <= set(named)


def test_memory_is_stated_on_the_page_of_the_benchmarks_alone() -> None:
    pages = {ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")}
    elsewhere = pages - {ROOT / "docs" / "benchmarks.md"}
    stating = [path.name for path in elsewhere if MEMORY.search(path.read_text(encoding="utf-8"))]
    assert stating == []
