"""Run mypy over the tests: one run for each folder of tests/, since each has its own conftest.py.

A folder is checked as pytest imports it: with src/, tests/peers/ and itself on the path.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PEERS = TESTS / "peers"


def main() -> int:
    """Print every error once, then a summary; the exit code is 1 when there is one."""
    folders = [TESTS, *(path for path in sorted(TESTS.iterdir()) if any(path.rglob("*.py")))]
    # A file of peers/ that many folders import is complained about by each of them.
    lines = {line: None for folder in folders for line in complaints(folder)}
    sys.stdout.writelines(f"{line}\n" for line in lines)
    errors = sum(": error: " in line for line in lines)
    sys.stdout.write(f"mypy over tests/: {errors} errors in {len(folders)} folders\n")
    return int(bool(lines))


def complaints(folder: Path) -> list[str]:
    """What mypy says about a folder, line by line; nothing where all is well."""
    files = folder.glob("*.py") if folder == TESTS else folder.rglob("*.py")
    path = os.pathsep.join(map(str, (ROOT / "src", PEERS, folder, ROOT)))
    # All runs share the cache of src/, so they follow each other instead of running at once.
    done = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "mypy", "--explicit-package-bases", "--no-error-summary"),
            *map(str, sorted(files)),
        ],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": path},
        check=False,
        capture_output=True,
        text=True,
    )
    lines = (done.stdout + done.stderr).splitlines()
    if done.returncode and not lines:
        lines = [f"{folder}: mypy ended with exit code {done.returncode}"]
    return lines


if __name__ == "__main__":
    sys.exit(main())
