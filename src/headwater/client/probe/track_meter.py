"""Measures one track while its packets come."""

from __future__ import annotations

from collections import Counter
from typing import Final

from headwater.client.probe.report import TrackProbe
from headwater.client.probe.sender_clock import SenderClockMeter
from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.media.snapshot import TrackSnapshot
from headwater.media.tracks.packet_batch import NO_KEY_FRAME, PacketBatch
from headwater.media.tracks.timeline import signed_32
from headwater.media.tracks.track import Track
from headwater.protocol.rtp import timestamp
from headwater.protocol.sdp import MediaDescription

_WITH_PARAMETER_SETS: Final = frozenset({"H264", "H265", "HEVC"})
_H264_PROFILES: Final = {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10"}
_H265_PROFILES: Final = {1: "Main", 2: "Main 10", 3: "Main Still Picture"}


class TrackMeter:
    """Counts and times what comes on a track; one access unit of it is kept at a time.

    Attributes:
        first_s: when the first packet came, on the clock of the batches; None before.
        first_shown_s: when the first access unit was whole that a decoder can begin with.
    """

    def __init__(self, track: Track) -> None:
        media = track.media
        self.first_s: float | None = None
        self.first_shown_s: float | None = None
        self._track = track
        self._clock = SenderClockMeter()
        self._units = depacketizer_for(media)
        self._has_sets = media.encoding in _WITH_PARAMETER_SETS
        self._described = self._units is not None and self._units.config is not None
        # One that is told nothing knows only what the stream itself says.
        self._alone = depacketizer_for(_without_parameters(media)) if self._has_sets else None
        self._packets = 0
        self._size_bytes = 0
        self._largest_bytes = 0
        self._last_s = 0.0
        self._bytes_by_second: Counter[int] = Counter()
        self._last_timestamp = -1
        self._media_now = self._media_first = self._media_last = 0
        self._frames = 0
        self._reordered = False
        self._key_frames: list[int] = []

    def take(self, batch: PacketBatch) -> None:
        """Take RTP packets."""
        now = batch.arrived_s
        if self.first_s is None:
            self.first_s = now
        self._last_s = now
        self._packets += len(batch)
        self._size_bytes += batch.size_bytes
        self._bytes_by_second[int(now - self.first_s)] += batch.size_bytes
        for index, packet in enumerate(batch.packets):
            self._largest_bytes = max(self._largest_bytes, len(packet))
            self._take_timestamp(timestamp(packet))
            if index == batch.key_frame_index != NO_KEY_FRAME:
                self._key_frames.append(self._media_now)
            self._take_units(packet, now)

    def take_rtcp(self, batch: PacketBatch) -> None:
        """Take compound RTCP packets."""
        for packet in batch.packets:
            self._clock.take(packet, batch.arrived_s)

    def report(self, snapshot: TrackSnapshot) -> TrackProbe:
        """Return what was found; `snapshot` has what the track itself counts."""
        config = None if self._units is None else self._units.config
        distances = [
            (after - before) / snapshot.clock_rate_hz
            for before, after in zip(self._key_frames, self._key_frames[1:], strict=False)
        ]
        lost = snapshot.lost_packets
        rate = self._bit_rate_per_s()
        is_picture = snapshot.kind == "video"
        return TrackProbe(
            index=snapshot.index,
            kind=snapshot.kind,
            encoding=snapshot.encoding,
            clock_rate_hz=snapshot.clock_rate_hz,
            profile=_profile(config),
            width=getattr(config, "width", None),
            height=getattr(config, "height", None),
            told_frame_rate_hz=getattr(config, "frame_rate_hz", None),
            frame_rate_hz=self._frame_rate_hz(snapshot.clock_rate_hz) if is_picture else None,
            sample_rate_hz=getattr(config, "sample_rate_hz", None),
            channels=getattr(config, "channels", None),
            packets=self._packets,
            bit_rate_per_s=rate,
            peak_bit_rate_per_s=max(rate, 8.0 * max(self._bytes_by_second.values(), default=0)),
            largest_packet_bytes=self._largest_bytes,
            key_frames=len(self._key_frames) if is_picture and self._track.has_key_frames else None,
            key_frame_distance_s=sum(distances) / len(distances) if distances else None,
            longest_key_frame_distance_s=max(distances, default=None),
            reordered=self._reordered,
            parameters_described=self._described if self._has_sets else None,
            parameters_sent=None if self._alone is None else self._alone.config is not None,
            lost_packets=lost,
            lost_share=lost / (lost + self._packets) if lost else 0.0,
            jitter_s=snapshot.jitter_s,
            sender_reports=self._clock.reports,
            clock_offset_s=self._clock.offset_s,
            clock_drift_ppm=self._clock.drift_ppm,
            clock_drift_error_ppm=self._clock.drift_error_ppm,
        )

    def _take_timestamp(self, stamp: int) -> None:
        if stamp == self._last_timestamp:
            return
        if self._frames:
            step = signed_32(stamp - self._last_timestamp)
            # Packets come in the order in which pictures are decoded, not shown.
            self._reordered |= step < 0 and self._track.media.kind == "video"
            self._media_now += step
        self._last_timestamp = stamp
        self._frames += 1
        self._media_first = min(self._media_first, self._media_now)
        self._media_last = max(self._media_last, self._media_now)

    def _take_units(self, packet: bytes, now: float) -> None:
        if self._alone is not None:
            self._alone.feed(packet)
        if self._units is None:
            return
        for unit in self._units.feed(packet):
            self._reordered |= unit.bidirectional
            if self.first_shown_s is None and unit.key_frame and self._units.config is not None:
                self.first_shown_s = now

    def _frame_rate_hz(self, clock_rate_hz: int) -> float | None:
        media_s = (self._media_last - self._media_first) / clock_rate_hz
        return (self._frames - 1) / media_s if media_s > 0 else None

    def _bit_rate_per_s(self) -> float:
        # The first second counts as a whole: what came in one moment has no rate.
        seconds = max(1.0, self._last_s - (self.first_s or 0.0))
        return self._size_bytes * 8 / seconds


def _without_parameters(media: MediaDescription) -> MediaDescription:
    lines = [line for line in media.lines if not line.lower().startswith("a=fmtp:")]
    return MediaDescription.parse(lines)


def _profile(config: TrackConfig | None) -> str:
    match config:
        case H264Config(first=sps):
            name = _H264_PROFILES.get(sps.profile, str(sps.profile))
            return f"{name} {sps.level / 10:.1f}"
        case H265Config(first=sps):
            name = _H265_PROFILES.get(sps.profile.profile, str(sps.profile.profile))
            return f"{name} {sps.profile.level / 30:.1f}"
    return ""
