"""A mount's packets on their way to another worker that pulls it."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Final

from headwater.cluster.bus.frames import (
    BusError,
    BusParser,
    Kind,
    batch_framer,
    description_frame,
    text_frame,
)
from headwater.cluster.leases import Tenure
from headwater.log_pace import paced_logger
from headwater.media.errors import MountClosed
from headwater.media.mount import Mount
from headwater.media.readers.reader import Reader
from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.tcp_stream import TcpStream
from headwater.relay.relay import Relay, new_end_id
from headwater.transports.queue_budget import QueueBudget

logger = paced_logger(__name__)

DOWN: Final = b"down"
TOO_SLOW: Final = b"too slow"
"""Why the mount of a source cannot be had."""
BUS: Final = "bus"
"""The transport of a reader or publisher that is another process of this machine."""
BUS_ID: Final = "bus-"
"""What their ids begin with."""
BUFFER_BYTES: Final = 1 << 20
"""Of the kernel, for each direction; the system may give less."""


class _BusOutlet:
    """One track's way onto the bus."""

    def __init__(
        self,
        stream: TcpStream,
        track: Track,
        gate: SlowReaderGate,
        budget: QueueBudget,
        ahead_s: float,
        owner: BusReader,
    ) -> None:
        self.gate = gate
        self.dropped_rtcp_packets = 0
        self._stream = stream
        self._budget = budget
        self._owner = owner
        self._frame = batch_framer(Kind.RTP, track.index, ahead_s)
        self._frame_rtcp = batch_framer(Kind.RTCP, track.index, ahead_s)

    def send_batch(self, batch: PacketBatch) -> None:
        """Write the batch as one frame, or what the gate leaves of it."""
        queued_bytes, age_s = self._queue(batch.arrived_s)
        admitted = self.gate.admit(batch, queued_bytes, age_s, batch.arrived_s)
        if admitted is not None:
            # All workers that pull the mount share the frame.
            self._stream.write(admitted.shared(BUS, self._frame))
        elif self.gate.expired:
            self._owner.expire()

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Write reports, where the bus keeps up."""
        if self.gate.takes_rtcp(*self._queue(batch.arrived_s)):
            self._stream.write(batch.shared(BUS, self._frame_rtcp))
        else:
            self.dropped_rtcp_packets += len(batch.packets)

    def outlet_failed(self, error: Exception) -> None:
        """End the pull: its delivery broke."""
        self._owner.fail(error)

    def _queue(self, now: float) -> tuple[int, float]:
        queued_bytes = self._stream.queued_bytes
        if not queued_bytes:
            return 0, 0.0
        if self._budget.spent:
            self._budget.refusals += 1
            queued_bytes = sys.maxsize
        return queued_bytes, self._stream.oldest_queued_s(now)


class BusReader(Reader):
    """A worker that pulls a mount: one reader of it, whoever reads there.

    It is the receiver of its own stream.
    """

    needs_pacing = False
    is_relay = True
    transport = BUS
    user_agent = ""

    def __init__(
        self,
        relay: Relay,
        mount: Mount,
        tenure: Tenure,
        sock: socket.socket,
        puller: str,
        on_gone: Callable[[BusReader], None],
    ) -> None:
        self.id = BUS_ID + new_end_id()
        self.peer = puller
        self.mount = mount
        self.tenure = tenure
        self._relay = relay
        self._on_gone = on_gone
        self._parser = BusParser()
        self._expires = False
        loop = self._loop = relay.loop
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self._stream = TcpStream(sock, loop, self, queued_total=relay.queue_budget.queued)
        ahead_s = loop.stood_still_s
        self._outlets = [
            _BusOutlet(
                self._stream,
                track,
                SlowReaderGate(mount.settings, has_key_frames=track.has_key_frames),
                relay.queue_budget,
                ahead_s,
                self,
            )
            for track in mount.tracks
        ]

    def begin(self) -> None:
        """Send the description, the cached group, and then every batch. Raises MountClosed."""
        mount = self.mount
        presentation = mount.presentation
        sdp = b"\n".join((presentation.raw, *(media.raw for media in presentation.media)))
        self._stream.write(description_frame(self.tenure.epoch, mount.range_text, sdp))
        mount.add_reader(self)
        mount.start_reader(self, mount.plan_start(range(len(mount.tracks)), instant_start=True))

    def end(self, reason: str) -> None:
        """Send nothing more, and tell why."""
        # Asked before: a mount without a publisher is over once its last reader, this one, is gone.
        is_over = self.mount.is_over
        self.mount.remove_reader(self, reason)
        self._close(reason, is_over=is_over)

    def close(self, reason: str) -> None:
        """Tell the other worker that nothing more comes."""
        self._close(reason, is_over=self.mount.is_over)

    def _close(self, reason: str, *, is_over: bool) -> None:
        # Of a worker that stops, another one may have the publisher soon.
        kind = Kind.CLOSED if is_over and not self._relay.draining else Kind.END
        self._stream.write(text_frame(kind, reason.encode(errors="replace")))
        self._stream.close()

    def expire(self) -> None:
        """Have the mount close it for being slow: later, since a fan-out may be under way."""
        if not self._expires:
            self._expires = True
            self._loop.call_soon(self.mount.disconnect_slow_reader, self)

    def fail(self, error: Exception) -> None:
        """End after an error in the delivery: later, as above."""
        self._loop.call_soon(self.end, f"delivery failed: {error}")

    @property
    def queued_bytes(self) -> int:
        """Bytes that the other worker has not taken."""
        return self._stream.queued_bytes

    @property
    def oldest_queued_s(self) -> float:
        """The age of the oldest of them."""
        return self._stream.oldest_queued_s(self._loop.time())

    @property
    def dropped_packets(self) -> int:
        """Packets that the gate left out."""
        return sum(outlet.gate.dropped_packets for outlet in self._outlets)

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return sum(outlet.gate.dropped_bytes for outlet in self._outlets)

    @property
    def dropped_rtcp_packets(self) -> int:
        """Reports that were left out."""
        return sum(outlet.dropped_rtcp_packets for outlet in self._outlets)

    def join(self, track_index: int, track: Track) -> None:
        """Begin live delivery."""
        track.fan_out.add(self._outlets[track_index])

    def leave(self, track_index: int, track: Track) -> None:
        """End live delivery."""
        track.fan_out.remove(self._outlets[track_index])

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Send a batch of the cached group."""
        self._outlets[track_index].send_batch(batch)

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Send a report."""
        self._outlets[track_index].send_rtcp(batch)

    # -- the stream's receiver

    def stream_data(self, data: bytes) -> None:
        """Take requests for key frames; anything else is no worker of this version."""
        try:
            for frame in self._parser.feed(data):
                if frame.kind is not Kind.KEY_FRAME or frame.track >= len(self._outlets):
                    raise BusError(f"a frame {frame.kind.name} for track {frame.track}")
                self.mount.request_key_frame(self.mount.tracks[frame.track])
        except BusError as error:
            logger.warning("a pull was broken off", extra={"peer": self.peer, "cause": str(error)})
            self.end(str(error))

    def stream_drained(self) -> None:
        """Go on; the mount looks at the queue by itself."""

    def stream_closed(self, error: Exception | None) -> None:
        """Forget the other worker, which reads no more."""
        self.mount.remove_reader(self, "left" if error is None else str(error))
        self._on_gone(self)


def refuse_sending(sock: socket.socket, cause: bytes) -> None:
    """Tell the worker that asks for a mount why it cannot be had."""
    # So little always finds room in the buffer of a new socket.
    with sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        sock.send(text_frame(Kind.ABSENT, cause))


def begin_sending(
    relay: Relay,
    mount: Mount,
    tenure: Tenure,
    sock: socket.socket,
    puller: str,
    on_gone: Callable[[BusReader], None],
) -> BusReader | None:
    """Send a mount on a socket until one side ends it; None where it has just closed."""
    reader = BusReader(relay, mount, tenure, sock, puller, on_gone)
    try:
        reader.begin()
    except MountClosed as error:
        reader.close(str(error))
        return None
    return reader
