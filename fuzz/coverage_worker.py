"""One target under libFuzzer, by atheris: `python -m fuzz.coverage_worker NAME [libFuzzer flags]`.

A process of its own, for libFuzzer ends the process it runs in.
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-untyped]


def main() -> None:
    """Run libFuzzer until its flags tell it to end; the process ends with it."""
    name = sys.argv.pop(1)
    # Not at the top: what is imported outside of this, on whatever way, has no coverage.
    with atheris.instrument_imports(include=["headwater"]):
        from fuzz.registry import load

        target = load(name)
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
