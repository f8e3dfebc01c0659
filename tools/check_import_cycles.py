"""Fail when files of the package import each other in a circle, imports for types included."""

from __future__ import annotations

import sys

import grimp

SEE_EACH_OTHER = "headwater.testing.fake_camera."
"""Here imports for types may go round: a fault sees the whole camera, which knows its faults."""


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return the groups of modules that reach each other, by Tarjan's algorithm."""
    imported = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        path.append(name)
        for other in sorted(imported[name]):
            if other not in index:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], index[other])
        if lowest[name] == index[name]:
            at = path.index(name)
            group = path[at:]
            del path[at:]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(graph.modules):
        if name not in index:
            visit(name)
    return found


def main() -> int:
    """Print each circle; return the exit code."""
    found = [
        *(
            group
            for group in circles(grimp.build_graph("headwater"))
            if not all(name.startswith(SEE_EACH_OTHER) for name in group)
        ),
        *circles(grimp.build_graph("headwater", exclude_type_checking_imports=True)),
    ]
    for group in found:
        sys.stdout.write(f"these import each other: {', '.join(group)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
