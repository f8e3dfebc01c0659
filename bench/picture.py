"""The curves: cost and latency over the number of readers, one line per server and transport."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PANELS = (
    ("us_per_packet", "µs of CPU per delivered packet"),
    ("latency_p99_ms", "p99 latency, ms"),
    ("lost_percent", "lost, %"),
)


def _curves(results: dict[str, Any], figure: str) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in results["steps"]:
        value = row["figures"].get(figure)
        one_kind = not (row["udp_readers"] and row["tcp_readers"])
        if row["scenario"] in {"one-to-many", "best load"} and one_kind and value is not None:
            if row["bits_per_s"] != 4e6:
                continue
            word = "UDP" if row["udp_readers"] else "TCP"
            readers = row["udp_readers"] or row["tcp_readers"]
            curves.setdefault(f"{row['peer']} {word}", []).append((readers, value))
    return {name: sorted(points) for name, points in curves.items()}


def draw(results: dict[str, Any], paths: Sequence[Path]) -> list[Path]:
    """Write the picture in the forms that the names ask for; returns what was written.

    Nothing when matplotlib is not installed or no step belongs to the curves.
    """
    with contextlib.suppress(ImportError):
        import matplotlib as mpl

        mpl.use("Agg")
        # The same results make the same file.
        mpl.rcParams["svg.hashsalt"] = "bench"
        from matplotlib import pyplot

        if not _curves(results, PANELS[0][0]):
            return []
        figure, panels = pyplot.subplots(1, len(PANELS), figsize=(15, 4.5))
        for panel, (name, title) in zip(panels, PANELS, strict=True):
            for label, points in _curves(results, name).items():
                panel.plot(*zip(*points, strict=True), marker="o", label=label)
            panel.set_title(title)
            panel.set_xlabel("readers of one 4 Mb/s stream")
            panel.set_ylim(bottom=0)
            panel.grid(alpha=0.3)
        bare = results["bare_loop"]["udp"]["us"]
        panels[0].axhline(bare, linestyle=":", color="grey", label="bare loop UDP")
        panels[0].legend()
        figure.tight_layout()
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(path, metadata=metadata)
        pyplot.close(figure)
        return list(paths)
    return []
