"""What was found about a source, for people: facts, a table of its tracks, warnings."""

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headwater.cli.commands.status_view import bit_rate
from headwater.client.probe.report import ProbeReport, TrackProbe
from headwater.shown_text import shown


def report_view(report: ProbeReport) -> RenderableType:
    """Return the report to print."""
    parts: list[RenderableType] = [*_facts(report), "", _tracks_table(report)]
    if not report.warnings:
        parts.append(Text("nothing to warn of", style="green"))
    # Text, never markup: a camera may call itself `[red]`.
    parts += [Text(f"warning  {shown(words)}", style="yellow") for words in report.warnings]
    return Group(*parts)


def _facts(report: ProbeReport) -> Iterator[Text]:
    yield Text(shown(report.url), style="bold")
    yield _fact("server", shown(report.server) or "does not say")
    yield _fact("methods", shown(" ".join(report.methods)) or "does not say")
    tried = ", ".join(f"{name} {outcome}" for name, outcome in report.transports.items())
    yield _fact("transport", f"{report.transport} ({shown(tried)})")
    yield _fact("session", f"ends after {report.session_timeout_s} s without a request")
    picture = "none" if report.first_picture_s is None else _seconds(report.first_picture_s)
    yield _fact(
        "time to",
        f"description {_seconds(report.described_s)}, first packet "
        f"{_seconds(report.first_packet_s)}, first picture {picture}",
    )
    yield _fact("measured", f"{report.measured_s:.1f} s")


def _fact(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<10}", "dim"), value)


def _tracks_table(report: ProbeReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("track", "codec", "format"):
        table.add_column(heading, overflow="fold")
    for heading in ("bit rate", "peak", "key frames", "lost", "jitter", "reports", "clock"):
        table.add_column(heading, justify="right")
    for track in report.tracks:
        table.add_row(
            str(track.index),
            Text(" ".join(filter(None, (track.encoding or track.kind, track.profile)))),
            Text(_format(track)),
            bit_rate(int(track.bit_rate_per_s / 8), 1.0),
            bit_rate(int(track.peak_bit_rate_per_s / 8), 1.0),
            _key_frames(track),
            f"{track.lost_packets} ({track.lost_share:.1%})",
            f"{track.jitter_s * 1000:.1f} ms",
            str(track.sender_reports),
            _clock(track),
        )
    return table


def _format(track: TrackProbe) -> str:
    parts = []
    if track.width and track.height:
        parts.append(f"{track.width}x{track.height}")
    if track.frame_rate_hz is not None:
        parts.append(f"{track.frame_rate_hz:.4g}/s")
    if track.sample_rate_hz:
        parts.append(f"{track.sample_rate_hz} Hz")
    if track.channels:
        parts.append("mono" if track.channels == 1 else f"{track.channels} channels")
    return " ".join(parts)


def _key_frames(track: TrackProbe) -> str:
    if track.key_frames is None:
        return "–"
    if track.key_frame_distance_s is None:
        return str(track.key_frames)
    return f"each {track.key_frame_distance_s:.2f} s"


def _clock(track: TrackProbe) -> str:
    if track.clock_offset_s is None:
        return "–"
    drift = "" if track.clock_drift_ppm is None else f" {track.clock_drift_ppm:+.0f} ppm"
    return f"{track.clock_offset_s:+.2f} s{drift}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s"
