"""Send a file or a stream to an RTSP server as it is: packets read and written, nothing encoded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from headwater.cli.failures import CommandFailed
from headwater.cli.rtsp_output import open_rtsp_output, reason_of

# MPEG-4 audio sampling frequency index, ISO/IEC 14496-3 table 1.18.
_AAC_RATES_HZ = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_AAC_LOW_COMPLEXITY = 2


@dataclass(slots=True)
class Progress:
    """How far the sending has come: plain figures that a display reads."""

    media_s: float = 0.0
    packets: int = 0
    size_bytes: int = 0
    rounds: int = 0
    length_s: float | None = None
    tracks: tuple[str, ...] = ()
    began_s: float = field(default_factory=time.monotonic)


class Remux:
    """One source sent to one URL.

    `source` is a file, a device or any URL that libav opens. One with an end is sent in real time
    by its own timestamps, one without (a camera) as it comes; `loop` begins again at the end.
    """

    def __init__(self, source: str, url: str, *, transport: str, loop: bool) -> None:
        self._source = source
        self._url = url
        self._transport = transport
        self._loop = loop
        self.progress = Progress()

    def run(self) -> None:
        """Send until the source ends; raises CommandFailed saying which side failed and how."""
        source = self._opened()
        try:
            outputs = self._begin(self._tracks(source))
        except BaseException:
            source.close()
            raise
        try:
            for packet in self._packets(source, outputs):
                self._send(packet)
        finally:
            self._end()

    def _tracks(self, source: InputContainer) -> list[Any]:
        """The tracks to send, noted in the progress with the source's length."""
        tracks = [stream for stream in source.streams if stream.type in {"video", "audio"}]
        if not tracks:
            raise CommandFailed(f"{self._source} has neither picture nor sound")
        self.progress.tracks = tuple(_track_name(track) for track in tracks)
        if source.duration:
            self.progress.length_s = source.duration / av.time_base
        elif self._loop:
            raise CommandFailed(f"{self._source} has no end to begin again at")
        return tracks

    def _opened(self) -> InputContainer:
        # Over UDP libav's own receive buffer loses packets of large pictures.
        options = {"rtsp_transport": "tcp"} if self._source.startswith("rtsp:") else {}
        try:
            return av.open(self._source, options=options)
        except av.FFmpegError as error:
            raise CommandFailed(f"cannot read {self._source}: {reason_of(error)}") from error

    def _begin(self, tracks: list[Any]) -> dict[int, _OutputTrack]:
        """Announce the tracks to the server; the outputs are keyed by the source's index."""
        try:
            self._output = open_rtsp_output(self._url, self._transport)
            outputs = {track.index: _OutputTrack(self._output, track) for track in tracks}
            self._output.start_encoding()
        except av.FFmpegError as error:
            raise CommandFailed(
                f"cannot publish to the server: {reason_of(error)}",
                remedy="where the server answered with a refusal, its log says why",
            ) from error
        except ValueError as error:
            names = ", ".join(self.progress.tracks)
            raise CommandFailed(f"RTP cannot carry one of {names}: {error}") from error
        return outputs

    def _packets(
        self, source: InputContainer, outputs: dict[int, _OutputTrack]
    ) -> Iterator[Packet[Any]]:
        """Every packet of every round, on one time line that begins at 0, each in its time."""
        round_begins = Fraction(0)
        began_s = time.monotonic()
        paced = self.progress.length_s is not None
        while True:
            first: Fraction | None = None
            ends = round_begins
            for packet in self._one_round(source, outputs):
                tick = packet.time_base
                dts = packet.dts or 0
                if first is None:
                    first = dts * tick
                shift = round((round_begins - first) / tick)
                packet.dts = dts + shift
                packet.pts = packet.dts if packet.pts is None else packet.pts + shift
                at = (dts + shift) * tick
                ends = max(ends, at + (packet.duration or 0) * tick)
                if paced:
                    time.sleep(max(0.0, began_s + float(at) - time.monotonic()))
                self.progress.media_s = float(at)
                yield from outputs[packet.stream_index].prepared(packet)
            self.progress.rounds += 1
            if not self._loop or first is None:
                return
            round_begins = ends
            source = self._opened()

    def _one_round(
        self, source: InputContainer, outputs: dict[int, _OutputTrack]
    ) -> Iterator[Packet[Any]]:
        with source:
            try:
                for packet in source.demux(*(source.streams[index] for index in outputs)):
                    # The last packet of each track is empty and has no time.
                    if packet.dts is not None and packet.size:
                        yield packet
            except av.FFmpegError as error:
                message = f"reading {self._source} failed: {reason_of(error)}"
                raise CommandFailed(message) from error

    def _send(self, packet: Packet[Any]) -> None:
        self.progress.packets += 1
        self.progress.size_bytes += packet.size
        try:
            self._output.mux(packet)
        except av.FFmpegError as error:
            raise CommandFailed(f"the server ended the session: {reason_of(error)}") from error

    def _end(self) -> None:
        try:
            self._output.close()
        except av.FFmpegError:
            # The server is gone already: there is nobody left to say TEARDOWN to.
            return


class _OutputTrack:
    """One track of the output, and what its packets need before they are sent."""

    def __init__(self, container: OutputContainer, track: Any) -> None:
        self._stream = container.add_stream_from_template(track)
        self._filter: BitStreamFilterContext | None = None
        if track.codec_context.name == "aac" and not track.codec_context.extradata:
            # MPEG-TS keeps AAC with a header before each frame; RTP has it once, in the SDP.
            self._stream.codec_context.extradata = _aac_configuration(track.codec_context)
            self._filter = BitStreamFilterContext("aac_adtstoasc", track)

    def prepared(self, packet: Packet[Any]) -> list[Packet[Any]]:
        packets = self._filter.filter(packet) if self._filter else [packet]
        for ready in packets:
            ready.stream = self._stream
        return packets


def _aac_configuration(codec: Any) -> bytes:
    """AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): object type, rate index, channels."""
    rate_index = _AAC_RATES_HZ.index(codec.sample_rate)
    channels = int(codec.channels)
    return (_AAC_LOW_COMPLEXITY << 11 | rate_index << 7 | channels << 3).to_bytes(2)


def _track_name(track: Any) -> str:
    codec = track.codec_context
    if track.type == "video":
        return f"{codec.name} {codec.width}x{codec.height}"
    return f"{codec.name} {codec.sample_rate} Hz"
