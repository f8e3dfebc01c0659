"""What about a source may cause trouble, in words: one function for each thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from headwater.client.probe.report import ProbeReport, TrackProbe

_LONG_DISTANCE_S: Final = 5.0
_MUCH_LOSS: Final = 0.001
_MUCH_JITTER_S: Final = 0.05
_MUCH_OFFSET_S: Final = 2.0
_MUCH_DRIFT_PPM: Final = 500.0
_SAFE_PACKET_BYTES: Final = 1472
"""What IPv4 and UDP leave of an Ethernet frame of 1,500 bytes."""
_REPORTS_BY_S: Final = 6.0
"""RFC 3550 §6.2 has a report each 5 s."""
_RATE_TOLERANCE: Final = 0.1


def warnings_of(report: ProbeReport) -> tuple[str, ...]:
    """Return all that is to be said of a report."""
    found = [words for find in _OF_SOURCE for words in find(report)]
    found += [
        f"track {track.index} ({track.encoding or track.kind}): {words}"
        for track in report.tracks
        for find in _OF_TRACK
        for words in find(track, report)
    ]
    return tuple(found)


def _ended(report: ProbeReport) -> Iterator[str]:
    if report.ended:
        yield f"it ended after {report.measured_s:.1f} s: {report.ended}"


def _transports(report: ProbeReport) -> Iterator[str]:
    for name, outcome in report.transports.items():
        if outcome != "works":
            yield f"{name} does not work: {outcome}"


def _no_picture(report: ProbeReport) -> Iterator[str]:
    if report.first_picture_s is None and any(track.kind == "video" for track in report.tracks):
        yield (
            "no picture can be decoded: no key frame with its parameter sets came in "
            f"{report.measured_s:.1f} s"
        )


def _silent(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    if not track.packets:
        yield "no packet came"


def _no_reports(track: TrackProbe, report: ProbeReport) -> Iterator[str]:
    if track.packets and not track.sender_reports and report.measured_s >= _REPORTS_BY_S:
        yield (
            "no RTCP sender reports: players cannot keep sound and picture together by them; the "
            "server makes reports for its readers"
        )


def _reordered(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    if track.reordered:
        yield (
            "B-frames: pictures come in another order than they are shown, which delays them, and "
            "browsers play none of it (WebRTC); switch B-frames off in the source"
        )


def _parameters(track: TrackProbe, report: ProbeReport) -> Iterator[str]:
    if track.parameters_sent is None or not track.packets:
        return
    if not track.parameters_sent and report.first_picture_s is not None:
        yield (
            "parameter sets (SPS, PPS) only in the description: who joins in the middle of the "
            "stream needs that"
        )
    if track.parameters_sent and not track.parameters_described:
        yield (
            "parameter sets (SPS, PPS) only in the stream: some players show nothing before the "
            "first key frame"
        )


def _key_frames(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    longest_s = track.longest_key_frame_distance_s
    if longest_s is not None and longest_s > _LONG_DISTANCE_S:
        yield (
            f"up to {longest_s:.1f} s from one key frame to the next: after a loss the picture is "
            "wrong for so long; set the source's key-frame interval to 1 or 2 s"
        )


def _loss(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    if track.lost_share > _MUCH_LOSS:
        yield f"{track.lost_share:.1%} of the packets were lost on the way; try TCP"


def _jitter(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    if track.jitter_s > _MUCH_JITTER_S:
        yield f"packets come unevenly: {track.jitter_s * 1000:.0f} ms of jitter"


def _large_packets(track: TrackProbe, report: ProbeReport) -> Iterator[str]:
    if report.transport != "tcp" and track.largest_packet_bytes > _SAFE_PACKET_BYTES:
        yield (
            f"packets of up to {track.largest_packet_bytes} bytes, which networks cut in pieces: "
            "one lost piece is a lost packet; use TCP"
        )


def _frame_rate(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    told, came = track.told_frame_rate_hz, track.frame_rate_hz
    if told and came and abs(told - came) > _RATE_TOLERANCE * told:
        yield f"{came:.1f} pictures a second came, where its parameter sets say {told:.1f}"


def _clock(track: TrackProbe, _report: ProbeReport) -> Iterator[str]:
    offset_s, drift, error = (
        track.clock_offset_s,
        track.clock_drift_ppm,
        track.clock_drift_error_ppm,
    )
    if offset_s is not None and abs(offset_s) > _MUCH_OFFSET_S:
        side = "ahead of" if offset_s > 0 else "behind"
        yield f"its clock is {abs(offset_s):.1f} s {side} this machine's; set NTP in the source"
    if drift is not None and error is not None and abs(drift) > max(_MUCH_DRIFT_PPM, 3 * error):
        side = "fast" if drift > 0 else "slow"
        yield f"its clock runs {abs(drift) / 1e4:.2f} % too {side}"


_OF_SOURCE: Final[tuple[Callable[[ProbeReport], Iterator[str]], ...]] = (
    _ended,
    _transports,
    _no_picture,
)
_OF_TRACK: Final[tuple[Callable[[TrackProbe, ProbeReport], Iterator[str]], ...]] = (
    _silent,
    _no_reports,
    _reordered,
    _parameters,
    _key_frames,
    _loss,
    _jitter,
    _large_packets,
    _frame_rate,
    _clock,
)
