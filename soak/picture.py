"""The run as a picture: every figure over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soak.samples import Sample
from soak.verdict import WARM_UP_PART

_PANELS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("resident memory, MB", ("memory_bytes",), 1e-6),
    ("descriptors and connections", ("descriptors", "connections"), 1.0),
    ("sessions, UDP port pairs, mounts", ("sessions", "udp_pairs", "mounts"), 1.0),
    ("asyncio tasks and threads", ("tasks", "threads"), 1.0),
    ("latency through the server, ms", ("latency_p50_ms", "latency_p99_ms"), 1.0),
    ("frames the steady reader lost", ("frames_lost",), 1.0),
)


def draw(samples: Sequence[Sample], path: Path, title: str) -> bool:
    """Write an SVG; False when matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    mpl.use("Agg")
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "soak"
    minutes = [sample.at_s / 60 for sample in samples]
    figure, panels = pyplot.subplots(3, 2, figsize=(12, 9), sharex=True)
    for panel, (heading, names, factor) in zip(panels.flat, _PANELS, strict=True):
        for name in names:
            values = [getattr(sample, name) * factor for sample in samples]
            panel.plot(minutes, values, label=name, linewidth=1)
        panel.axvspan(0, minutes[-1] * WARM_UP_PART, color="grey", alpha=0.12)
        panel.set_title(heading, fontsize=10)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, loc="lower right")
    for panel in panels[-1]:
        panel.set_xlabel("minutes of churn (grey: warm-up, not judged)")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return True
