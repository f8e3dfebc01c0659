"""The pages are true: generated parts are up to date, links lead somewhere, programs run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


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
