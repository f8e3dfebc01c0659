"""Send a file or a stream to an RTSP server as it is: packets read and written, nothing encoded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import av.logging
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from headwater.libav.remux.failures import (
    Complaint,
    SendingFailed,
    reason,
    reason_for_the_end,
)
from headwater.libav.remux.reports import Progress
from headwater.libav.remux.timeline import Timeline
from headwater.libav.remux.urls import is_local_file, shown, without_secrets
from headwater.libav.rtsp_output import SOCKET_TIMEOUT_S, open_rtsp_output, reason_of

# MPEG-4 audio sampling frequency index, ISO/IEC 14496-3 table 1.18.
_AAC_RATES_HZ = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_AAC_LOW_COMPLEXITY = 2


OPEN_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 15.0
_REPORT_INTERVAL_S = 0.25
_LONGEST_SLEEP_S = 1.0

OnProgress = Callable[[Progress], None]


class Remux:
    """One source sent to one URL.

    `source` is a file, a device or any URL that libav opens. One with an end is sent in real time
    by its own timestamps, one without (a camera) as it comes; `loop` begins again at the end.
    `on_progress` is called a few times a second, and before whatever may take long.
    """

    def __init__(
        self,
        source: str,
        url: str,
        *,
        transport: str,
        loop: bool,
        on_progress: OnProgress = lambda _progress: None,
    ) -> None:
        self._source = source
        self._shown_source = shown(source)
        self._url = url
        self._transport = transport
        self._loop = loop
        self._on_progress = on_progress
        self._next_report_s = 0.0
        self._media_s = 0.0
        self._packets = 0
        self._size_bytes = 0
        self.progress = Progress()

    def run(self) -> None:
        """Send until a source with an end ends; raises SendingFailed saying who failed and how."""
        with av.logging.Capture(local=False) as self._logs:
            source = self._opened()
            try:
                tracks = self._tracks(source)
                outputs = self._begin(tracks)
            except BaseException:
                source.close()
                raise
            try:
                for packet in self._placed(source, outputs):
                    self._send(packet)
            finally:
                self._end()
            self._report(step="ending")

    def _report(self, **changes: Any) -> None:
        self.progress = replace(
            self.progress,
            media_s=self._media_s,
            packets=self._packets,
            size_bytes=self._size_bytes,
            **changes,
        )
        self._on_progress(self.progress)

    def _complaint(self, error: av.FFmpegError) -> Complaint:
        lines = [without_secrets(line, self._source, self._url) for _, _, line in self._logs]
        return Complaint(abs(error.errno or 0), reason_of(error), lines)

    def _tracks(self, source: InputContainer) -> list[Any]:
        """Return the tracks to send, noted in the progress with the source's length."""
        tracks = [stream for stream in source.streams if stream.type in {"video", "audio"}]
        if not tracks:
            raise SendingFailed(f"{self._shown_source} has neither picture nor sound")
        length_s = source.duration / av.time_base if source.duration else None
        # What has no length is live, but for files (raw H.264), which never come by themselves.
        self._live = length_s is None and not is_local_file(self._source)
        if self._live and self._loop:
            raise SendingFailed(f"{self._shown_source} has no end to begin again at")
        self._report(tracks=tuple(_track_name(track) for track in tracks), length_s=length_s)
        return tracks

    def _opened(self) -> InputContainer:
        self._report(step=f"opening {self._shown_source}")
        # Over UDP libav's own receive buffer loses packets of large pictures.
        options = {"rtsp_flags": "prefer_tcp"} if self._source.startswith("rtsp") else {}
        began_s = time.monotonic()
        try:
            return av.open(self._source, options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
        except av.FFmpegError as error:
            why = reason(self._complaint(error), publishing=False)
            if time.monotonic() - began_s >= OPEN_TIMEOUT_S:
                why = f"no answer within {OPEN_TIMEOUT_S:.0f} s"
            raise SendingFailed(f"cannot read {self._shown_source}: {why}") from error

    def _begin(self, tracks: list[Any]) -> dict[int, _OutputTrack]:
        """Announce the tracks to the server; the outputs are keyed by the source's index."""
        server = shown(self._url)
        self._report(step=f"announcing to {server}")
        del self._logs[:]
        try:
            self._output = open_rtsp_output(self._url, self._transport)
            outputs = {track.index: _OutputTrack(self._output, track) for track in tracks}
            self._output.start_encoding()
        except av.FFmpegError as error:
            why = reason(self._complaint(error), publishing=True)
            raise SendingFailed(f"cannot publish to {server}: {why}") from error
        except ValueError as error:
            names = ", ".join(self.progress.tracks)
            raise SendingFailed(f"RTP cannot carry one of {names}: {error}") from error
        return outputs

    def _placed(
        self, source: InputContainer, outputs: dict[int, _OutputTrack]
    ) -> Iterator[Packet[Any]]:
        """Yield the packets of all rounds in real time, on one time line that begins at 0."""
        timeline = Timeline(live=self._live)
        began_s = time.monotonic()
        while True:
            timeline.begin_round()
            empty = True
            for packet in self._one_round(source, outputs):
                empty = False
                output = outputs[packet.stream_index]
                self._media_s = float(output.place(packet, timeline, time.monotonic()))
                if not self._live:
                    self._wait_until(began_s + self._media_s)
                yield from output.prepared(packet)
            if self._live:
                raise SendingFailed(f"{self._shown_source} ended the stream")
            self._report(rounds=self.progress.rounds + 1)
            if not self._loop or empty:
                return
            source = self._opened()

    def _wait_until(self, due_s: float) -> None:
        """Sleep; slides that stand for minutes are no silence to who watches."""
        while (left_s := due_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _LONGEST_SLEEP_S))
            if left_s > _LONGEST_SLEEP_S:
                self._report()

    def _one_round(
        self, source: InputContainer, outputs: dict[int, _OutputTrack]
    ) -> Iterator[Packet[Any]]:
        self._report(step=f"reading {self._shown_source} and sending to {shown(self._url)}")
        read_s = time.monotonic()
        with source:
            try:
                for packet in source.demux(*(source.streams[index] for index in outputs)):
                    # The last packet of each track is empty and has no time.
                    if packet.size and (packet.dts is not None or packet.pts is not None):
                        yield packet
                    read_s = time.monotonic()
            except av.FFmpegError as error:
                why = reason(self._complaint(error), publishing=False)
                if time.monotonic() - read_s >= READ_TIMEOUT_S:
                    message = f"{self._shown_source} sent nothing for {READ_TIMEOUT_S:.0f} s"
                else:
                    message = f"reading {self._shown_source} failed: {why}"
                raise SendingFailed(message) from error

    def _send(self, packet: Packet[Any]) -> None:
        self._packets += 1
        self._size_bytes += packet.size
        now_s = time.monotonic()
        if now_s >= self._next_report_s:
            self._next_report_s = now_s + _REPORT_INTERVAL_S
            del self._logs[:]  # complaints of long ago explain nothing
            self._report()
        try:
            self._output.mux(packet)
        except av.FFmpegError as error:
            complaint = self._complaint(error)
            message = reason_for_the_end(complaint, silence_s=SOCKET_TIMEOUT_S)
            raise SendingFailed(f"{message} ({shown(self._url)})") from error

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
        self._came_at: int | None = None
        self._last_dts: int | None = None
        self._filter: BitStreamFilterContext | None = None
        if track.codec_context.name == "aac" and not track.codec_context.extradata:
            # MPEG-TS keeps AAC with a header before each frame; RTP has it once, in the SDP.
            self._stream.codec_context.extradata = _aac_configuration(track.codec_context)
            self._filter = BitStreamFilterContext("aac_adtstoasc", track)

    def place(self, packet: Packet[Any], timeline: Timeline, now_s: float) -> Fraction:
        """Give the packet its times on the time line; the seconds at which it is due."""
        tick_s = packet.time_base
        decoded_at = packet.dts
        if decoded_at is None:
            # Behind a reordering that libav could not see through: right behind the packet before.
            decoded_at = (packet.pts or 0) if self._came_at is None else self._came_at + 1
        self._came_at = decoded_at
        shown_at = decoded_at if packet.pts is None else packet.pts
        duration_s = (packet.duration or 0) * tick_s
        at_s = timeline.place(packet.stream_index, decoded_at * tick_s, duration_s, now_s)
        dts = round(at_s / tick_s)
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
        self._last_dts = packet.dts = dts
        packet.pts = dts + shown_at - decoded_at
        return at_s

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
