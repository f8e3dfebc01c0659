"""Refuse a source file that has no test where one looks for it: tests/ has the folders of src/.

`src/headwater/relay/end.py` has `tests/relay/test_end.py`. A file whose functions do nothing, since
it holds names and types only, needs none, and neither do the `__init__.py` and `__main__.py` of a
package. What tests of another name show whole is listed in `shown_elsewhere.toml`, with these; a
name with a slash at its end stands for all files of a folder.
"""

import ast
import sys
import tomllib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "headwater"
TESTS = ROOT / "tests"
SHOWN_ELSEWHERE = Path(__file__).resolve().parent / "shown_elsewhere.toml"
OF_A_PACKAGE = frozenset({"__init__.py", "__main__.py"})


def main() -> int:
    """Print what has no test and what is listed in vain; the exit code is 1 when there is any."""
    shown_by = tomllib.loads(SHOWN_ELSEWHERE.read_text(encoding="utf-8"))
    faults = [*missing(shown_by), *listed_in_vain(shown_by)]
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return int(bool(faults))


def missing(shown_by: Container[str]) -> Iterator[str]:
    """Name each source file whose test is neither where it belongs nor listed."""
    for path in sorted(SOURCES.rglob("*.py")):
        source = path.relative_to(SOURCES).as_posix()
        if lacks_test(source) and not any(entry in shown_by for entry in entries_for(source)):
            yield (
                f"src/headwater/{source}: its test is missing, "
                f"{own_test(source).relative_to(ROOT).as_posix()}"
            )


def listed_in_vain(shown_by: Mapping[str, list[str]]) -> Iterator[str]:
    """Name each entry of the list that is not true, or that nothing needs any more."""
    for source, tests in shown_by.items():
        path = SOURCES / source
        entry = f"tools/{SHOWN_ELSEWHERE.name}: {source}"
        files = path.rglob("*.py") if source.endswith("/") else (path,)
        if not path.exists():
            yield f"{entry}: there is no such source file, take it from the list"
        elif not any(lacks_test(file.relative_to(SOURCES).as_posix()) for file in files):
            yield f"{entry}: it needs no entry, take it from the list"
        for test in tests:
            if not (TESTS / test).is_file():
                yield f"{entry}: there is no tests/{test} that could show it"


def entries_for(source: str) -> Iterator[str]:
    """Yield what may stand in the list for a source file: itself, and the folders it is in."""
    yield source
    parts = source.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count]) + "/"


def lacks_test(source: str) -> bool:
    """Return whether a source file needs a test and has none of its own name."""
    return needs_test(SOURCES / source) and not own_test(source).exists()


def own_test(source: str) -> Path:
    """Return where the test of a source file is expected."""
    path = TESTS / source
    return path.with_name(f"test_{path.name}")


def needs_test(path: Path) -> bool:
    """Return whether something in a source file runs: a function that does more than to raise."""
    if path.name in OF_A_PACKAGE:
        return False
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(runs(node) for node in nodes)


def runs(node: ast.AST) -> bool:
    """Return whether a node is a function with a body that is not a docstring or an error alone."""
    match node:
        case ast.Lambda():
            return True
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
            return not all(
                isinstance(statement, ast.Raise | ast.Pass)
                or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
                for statement in body
            )
    return False


if __name__ == "__main__":
    sys.exit(main())
