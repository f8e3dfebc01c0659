"""Refuse files that have grown past what one can hold in the head: 600 lines, a word at 400."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORTH_A_SPLIT = 400
TOO_LONG = 600
TOPS = ("src", "tests", "tools", "bench", "fuzz", "examples", "packaging")
# What the verbs write there is nobody's to split.
WRITTEN = (Path("bench", "results"), Path("fuzz", "work"))
SUFFIXES = frozenset({".py", ".toml", ".sh", ".js", ".css", ".html"})


def main() -> int:
    """Print what is long; the exit code is 1 when a file is too long."""
    failed = False
    for path in sorted(project_files()):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > WORTH_A_SPLIT:
            too_long = lines > TOO_LONG
            failed |= too_long
            verdict = "too long, split it" if too_long else "think of a split"
            sys.stdout.write(f"{path.relative_to(ROOT)}: {lines} lines: {verdict}\n")
    return int(failed)


def project_files() -> list[Path]:
    """Files of the project's own, found by the folders it has."""
    found = [path for top in TOPS for path in (ROOT / top).rglob("*")]
    return [
        path
        for path in found
        if path.suffix in SUFFIXES
        and path.is_file()
        and not any(path.is_relative_to(ROOT / written) for written in WRITTEN)
    ]


if __name__ == "__main__":
    sys.exit(main())
