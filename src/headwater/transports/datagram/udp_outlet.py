"""One UDP socket as an outlet: what its readers get while it does not keep up."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.net.segmentation import MAX_RUN_BYTES, MAX_SEGMENTS, Run, plan_runs
from headwater.net.settings import SocketSettings
from headwater.net.socket_buffers import set_send_buffer
from headwater.net.udp_sender import UdpSender


def runs_of(batch: PacketBatch) -> Sequence[Run]:
    """Return the batch's packets in runs for segmentation offload, made once for all readers."""
    run = _one_run(batch)
    if run is not None:
        return (Run(run, batch.segment_bytes, batch.count),)
    return batch.shared("runs", _planned)


def _one_run(batch: PacketBatch) -> bytes | None:
    """Return the batch's bytes where they came as one run: so they leave."""
    if batch.count <= MAX_SEGMENTS and batch.segment_bytes and batch.size_bytes <= MAX_RUN_BYTES:
        return batch.joined
    return None


def _planned(batch: PacketBatch) -> list[Run]:
    return plan_runs(batch.packets)


@lru_cache(maxsize=64)
def _gate_settings(settings: MountSettings, sockets: SocketSettings) -> MountSettings:
    """Return a mount's settings with the bounds of what may wait for a socket, not for a reader."""
    return replace(
        settings,
        slow_reader_max_bytes=max(1, sockets.udp_pending_bytes),
        slow_reader_max_age_s=max(0.001, sockets.udp_pending_age_s),
    )


class UdpOutlet(Outlet):
    """Sends one track's batches from one socket, to one address or to thousands.

    Over UDP it is the socket that is slow, never one reader: what waits for it, waits for all. So
    one gate judges for all of them, and all of them miss the same stretches.

    Attributes:
        sender: the way out.
        left_out_packets, left_out_bytes: what the gate left out so far; each reader that was live
            at that time has missed it.
        missed_packets, missed_bytes: the same times the readers that were live.
    """

    __slots__ = (
        "_gate",
        "_gate_judges",
        "_gate_settings",
        "_last",
        "_loop",
        "_track",
        "left_out_bytes",
        "left_out_packets",
        "missed_bytes",
        "missed_packets",
        "sender",
    )

    _gate: SlowReaderGate
    """Made by `begin`, for the readers that are live from then on."""

    def __init__(
        self,
        track: Track,
        rtp: socket.socket,
        loop: EventLoop,
        settings: MountSettings,
        sockets: SocketSettings,
    ) -> None:
        self._track = track
        self._loop = loop
        set_send_buffer(rtp, sockets.udp_send_buffer_bytes)
        self.sender = UdpSender(rtp, loop)
        self._gate_settings = _gate_settings(settings, sockets)
        self._gate_judges = False
        self._last: PacketBatch | None = None
        self.left_out_packets = 0
        self.left_out_bytes = 0
        self.missed_packets = 0
        self.missed_bytes = 0

    @property
    @abstractmethod
    def live_count(self) -> int:
        """How many readers miss what the gate leaves out."""

    @abstractmethod
    def expire(self, *, everybody: bool) -> None:
        """Have readers closed because the socket was slow for too long.

        `everybody` is set where the policy is that none may miss a part unawares.
        """

    @property
    def has_room(self) -> bool:
        """Whether cached packets may be sent too, without making live ones wait too long."""
        return self.sender.pending_bytes * 2 <= self._gate_settings.slow_reader_max_bytes

    @property
    def oldest_pending_s(self) -> float:
        """The age in seconds of what waits longest."""
        return self.sender.oldest_pending_s(self._loop.time())

    def send_batch(self, batch: PacketBatch) -> None:
        """Send the batch to all live readers; or what the gate leaves of it while the socket
        does not keep up."""
        sender = self.sender
        if self._gate_judges or sender.pending_bytes:
            self._offer(batch)
            return
        self._last = batch
        # `_one_run`, without the call.
        run, packets = batch.joined, batch.count
        if (
            run is not None
            and batch.segment_bytes
            and packets <= MAX_SEGMENTS
            and batch.size_bytes <= MAX_RUN_BYTES
        ):
            sender.send_run(run, batch.segment_bytes, packets)
        else:
            sender.send(batch.shared("runs", _planned))

    def begin(self) -> None:
        """Start with a gate that knows nothing of readers that are gone."""
        self._gate = self._new_gate()
        self._gate_judges = False
        self._last = None

    def _new_gate(self) -> SlowReaderGate:
        return SlowReaderGate(self._gate_settings, has_key_frames=self._track.has_key_frames)

    def _offer(self, batch: PacketBatch) -> None:
        gate, sender, now = self._gate, self.sender, self._loop.time()
        if self._last is not None:
            gate.note_sent(self._last)
            self._last = None
        admitted = gate.admit(batch, sender.pending_bytes, sender.oldest_pending_s(now), now)
        self._gate_judges = gate.slow
        if admitted is not None:
            sender.send(runs_of(admitted))
        if admitted is not batch:
            self._note_left_out(batch, admitted)
        if gate.expired:
            # Those who stay begin a new term, at a key frame.
            self._gate = self._new_gate()
            self._gate.break_off()
            policy = self._gate_settings.slow_reader_policy
            self.expire(everybody=policy is SlowReaderPolicy.DISCONNECT)

    def _note_left_out(self, batch: PacketBatch, admitted: PacketBatch | None) -> None:
        packets, size_bytes = len(batch), batch.size_bytes
        if admitted is not None:
            packets -= len(admitted)
            size_bytes -= admitted.size_bytes
        readers = self.live_count
        self.left_out_packets += packets
        self.left_out_bytes += size_bytes
        self.missed_packets += packets * readers
        self.missed_bytes += size_bytes * readers
