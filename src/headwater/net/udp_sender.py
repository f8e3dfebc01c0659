"""Send the same datagrams to many addresses with as few and as cheap system calls as there are.

The segment size is set on the socket when it changes instead of travelling as a control message
with every call: that saves 0.6 µs per call, and `sendmmsg` then needs no control messages either.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Collection, Sequence
from operator import length_hint
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.datagram_vector import DatagramVector, SlotVector, sendmmsg
from headwater.net.event_loop import EventLoop
from headwater.net.kernel_features import SOL_UDP, UDP_SEGMENT, KernelFeatures, probe
from headwater.net.segmentation import Run
from headwater.net.socket_address import Address, address_text, family_of
from headwater.net.udp_destination import (
    Crowd,
    Destination,
    DestinationGroup,
    PendingSend,
    SendGroups,
    Slots,
)

__all__ = ["Destination", "UdpSender"]

_log = paced_logger(__name__)

_FULL: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})
# The route's MTU is smaller than a segment (EINVAL, EMSGSIZE), or its device or IPsec policy
# cannot segment (EIO): that destination gets single datagrams, which IP may fragment.
_NOT_SEGMENTABLE: Final = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.EIO})
# An ICMP error that came back from an earlier datagram of anyone's, told by the next call, which
# then sends nothing: the call is to be repeated.
_REPEATABLE: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
_REPEATS: Final = 3
# Below this many destinations the loop over `sendto` is as cheap (measured with 1 to 8).
_VECTOR_FROM: Final = 4


class UdpSender:
    """Fans datagrams out from one unconnected (or multicast) UDP socket.

    When the socket's send buffer is full, sending goes on later where it stopped, and what comes
    meanwhile waits behind it, so each destination keeps its order. How much may wait is the
    caller's to judge, by `pending_bytes` and `oldest_pending_s`: only it knows where pictures end.
    The socket stays the caller's to close, after `close`; nobody else may set its segment size or
    send from it.
    """

    __slots__ = (
        "_closed",
        "_destinations",
        "_family",
        "_groups",
        "_lone",
        "_loop",
        "_pending",
        "_removals",
        "_segment_bytes",
        "_segmented",
        "_sendto",
        "_slots",
        "_sock",
        "_vector",
        "dropped_bytes",
        "dropped_packets",
        "errors",
        "fallbacks",
        "pending_bytes",
        "refused",
        "sent_bytes",
        "sent_packets",
        "stalls",
    )

    def __init__(
        self,
        sock: socket.socket,
        loop: EventLoop,
        features: KernelFeatures | None = None,
    ) -> None:
        found = probe() if features is None else features
        self._sock = sock
        self._loop = loop
        self._sendto = sock.sendto
        self._family = sock.family
        self._segmented = found.udp_segment
        function = sendmmsg() if found.sendmmsg else None
        self._vector = None if function is None else DatagramVector(sock.fileno(), function)
        slots = function if found.udp_segment else None
        self._slots = None if slots is None else SlotVector(sock.fileno(), slots)
        self._destinations: dict[Destination, None] = {}
        self._groups: SendGroups | None = None
        # The address of the only destination of those groups, where it takes segments.
        self._lone: Address | None = None
        self._pending: deque[PendingSend] = deque()
        self._segment_bytes = 0
        self._removals = 0
        self._closed = False
        self.sent_packets: int = 0
        """Datagrams the kernel took, every destination counted."""
        self.sent_bytes: int = 0
        """Payload bytes the kernel took, every destination counted."""
        self.dropped_packets: int = 0
        """Datagrams that a destination could not be sent, too large ones among them."""
        self.dropped_bytes: int = 0
        self.pending_bytes: int = 0
        """Bytes for the wire that wait for the socket."""
        self.stalls: int = 0
        """Times the socket's send buffer was full."""
        self.refused: int = 0
        """ICMP port unreachable errors of destinations that are gone."""
        self.errors: int = 0
        """Sends to one destination that failed for another reason."""
        self.fallbacks: int = 0
        """Destinations whose route refused segmentation offload."""

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Every destination now served."""
        return tuple(self._destinations)

    def oldest_pending_s(self, now: float) -> float:
        """Return the age in seconds of what waits longest; 0.0 when nothing waits."""
        return now - self._pending[0].queued_s if self._pending else 0.0

    def add(self, address: Address) -> Destination:
        """Serve an address from the next `send` on; the same address twice is served twice.

        Raises what `destination` raises.
        """
        destination = self.destination(address)
        self.serve(destination)
        return destination

    def destination(self, address: Address) -> Destination:
        """Return a destination for `send_to`; `send` leaves it out until `serve` is called.

        Raises ValueError when the host is not numeric, not of the socket's family, or the port is
        not 1 to 65535.
        """
        host, port = address[0], address[1]
        if family_of(host) != self._family:
            raise ValueError(f"address {host} is not of the socket's family {self._family.name}")
        if not 1 <= port <= 65535:
            raise ValueError(f"port {port} of {host} is not 1 to 65535")
        entry = None if self._vector is None else self._vector.entry(address)
        return Destination(address, entry, segmented=self._segmented)

    def serve(self, destination: Destination) -> None:
        """Serve a destination from the next `send` on, once; one that was removed stays out."""
        if destination.active and destination not in self._destinations:
            self._destinations[destination] = None
            self._ungroup()

    def remove(self, destination: Destination) -> None:
        """Serve a destination no more; what waits for it is left out. Twice does nothing."""
        if destination.active:
            destination.active = False
            self._destinations.pop(destination, None)
            self._ungroup()
            self._removals += 1

    def send(self, runs: Sequence[Run]) -> None:
        """Send runs to every destination; never raises for the network."""
        segmented, plain = self._groups or self._regroup()
        if segmented.count:
            self._send_runs(runs, segmented)
        if plain.count:
            self._send_packets(runs, plain)

    def send_run(self, buffer: bytes, segment_bytes: int, packets: int) -> None:
        """`send` a single run, given as what it consists of."""
        lone = self._lone
        if lone is None or segment_bytes != self._segment_bytes or self._pending:
            self.send((Run(buffer, segment_bytes, packets),))
            return
        # One reader of a camera, and the next run of it: mostly it is so, and many there are.
        try:
            self._sendto(buffer, lone)
        except OSError as error:
            groups = self._groups or self._regroup()
            code = error.errno or errno.EIO
            self._get_past(buffer, segment_bytes, packets, groups.segmented, 0, code)
        else:
            self.sent_packets += packets
            self.sent_bytes += len(buffer)

    def groups_of(self, destinations: Collection[Destination]) -> SendGroups:
        """Some of its destinations, to send to them again and again until `fallbacks` grows."""
        active = [d for d in destinations if d.active]
        return SendGroups(
            self._group(tuple([d for d in active if d.segmented])),
            self._group(tuple([d for d in active if not d.segmented])),
        )

    def _regroup(self) -> SendGroups:
        groups = self._groups = self.groups_of(self._destinations)
        if groups.segmented.count == 1 and not groups.plain.count:
            self._lone = groups.segmented.addresses[0]
        return groups

    def _ungroup(self) -> None:
        """Group the destinations anew at the next `send`: they, or the ways to them, changed."""
        self._groups = self._lone = None

    def send_to_groups(self, groups: SendGroups, runs: Sequence[Run]) -> None:
        """Send runs to some destinations, behind whatever waits for them."""
        if groups.segmented.count:
            self._send_runs(runs, groups.segmented)
        if groups.plain.count:
            self._send_packets(runs, groups.plain)

    def send_to(self, destination: Destination, runs: Sequence[Run]) -> None:
        """Send runs to one destination, behind whatever waits for it."""
        if not destination.active:
            return
        if destination.segmented:
            self._send_runs(runs, destination.alone)
        else:
            self._send_packets(runs, destination.alone)

    def crowd_of(self, destinations: Sequence[Destination]) -> Crowd:
        """Some of its destinations, at most `MOST_SLOTS`, for `send_slots`."""
        entries = [each.entry for each in destinations if each.entry is not None]
        vector = None if self._slots is None else self._slots.group(entries)
        return Crowd(tuple(destinations), vector)

    def send_slots(
        self, crowd: Crowd, slots: Slots, start: int, stop: int, segment_bytes: int, packets: int
    ) -> None:
        """Send each of a crowd the run that lies from `start` to `stop` in the slot of its place.

        It goes behind whatever waits. The destinations must take segments.
        """
        sent = 0
        if crowd.vector is not None and self._slots is not None and not self._pending:
            if packets == 1:
                segment_bytes = 0
            if segment_bytes != self._segment_bytes:
                self._sock.setsockopt(SOL_UDP, UDP_SEGMENT, segment_bytes)
                self._segment_bytes = segment_bytes
            at, size = slots.address + start, stop - start
            sent = self._slots.send(at, slots.apart_bytes, size, crowd.vector)
            self.sent_packets += packets * sent
            self.sent_bytes += size * sent
        for place in range(sent, len(crowd.destinations)):
            at = place * slots.apart_bytes
            run = Run(bytes(slots.memory[at + start : at + stop]), segment_bytes, packets)
            self.send_to(crowd.destinations[place], (run,))

    def close(self) -> None:
        """Forget destinations and whatever waits; the socket stays open."""
        if self._closed:
            return
        self._closed = True
        if self._pending:
            self._loop.remove_writer(self._sock.fileno())
            self._pending.clear()
            self.pending_bytes = 0
        for destination in self._destinations:
            destination.active = False
        self._destinations.clear()
        self._ungroup()

    # -- groups

    def _group(self, destinations: tuple[Destination, ...]) -> DestinationGroup:
        vector = None
        if self._vector is not None and len(destinations) >= _VECTOR_FROM:
            entries = [d.entry for d in destinations if d.entry is not None]
            vector = self._vector.group(entries)
        return DestinationGroup(destinations, vector)

    # -- sending

    def _send_runs(self, runs: Sequence[Run], group: DestinationGroup) -> None:
        for run in runs:
            buffer = run.buffer
            segment_bytes = run.segment_bytes
            if run.count == 1:
                # A datagram no longer than the size set on the socket leaves whole: no need to
                # set another for it.
                segment_bytes = self._segment_bytes
                if len(buffer) > segment_bytes:
                    segment_bytes = 0
            self._send(buffer, segment_bytes, run.count, group)

    def _send_packets(self, runs: Sequence[Run], group: DestinationGroup) -> None:
        for run in runs:
            for packet in run.packets():
                self._send(packet, 0, 1, group)

    def _send(
        self, buffer: bytes, segment_bytes: int, packets: int, group: DestinationGroup
    ) -> None:
        """Send one buffer to a group now, or have it wait behind what already waits."""
        if self._pending:
            self._enqueue(buffer, segment_bytes, packets, group)
            return
        index, code = self._push(buffer, segment_bytes, group, 0)
        self.sent_packets += packets * index
        self.sent_bytes += len(buffer) * index
        if code:
            self._get_past(buffer, segment_bytes, packets, group, index, code)

    def _get_past(
        self,
        buffer: bytes,
        segment_bytes: int,
        packets: int,
        group: DestinationGroup,
        index: int,
        code: int,
    ) -> None:
        """Get past what stopped a buffer at a destination, or wait for the socket."""
        now = self._loop.time()
        stopped = PendingSend(buffer, segment_bytes, packets, group, index, now, self._removals)
        if not self._go_on(stopped, code):
            self._stall(stopped)

    def _push(
        self, buffer: bytes, segment_bytes: int, group: DestinationGroup, index: int
    ) -> tuple[int, int]:
        """Hand a buffer to the kernel for the group from `index` on.

        Returns where it stopped and the errno, 0 at the end.
        """
        if segment_bytes != self._segment_bytes:
            self._sock.setsockopt(SOL_UDP, UDP_SEGMENT, segment_bytes)
            self._segment_bytes = segment_bytes
        vector = group.vector
        if vector is not None and self._vector is not None:
            return self._vector.send(buffer, vector, index)
        sendto = self._sendto
        addresses = group.addresses
        waiting = iter(addresses[index:] if index else addresses)
        try:
            for address in waiting:
                sendto(buffer, address)
        except OSError as error:
            return group.count - length_hint(waiting) - 1, error.errno or errno.EIO
        return group.count, 0

    def _go_on(self, pending: PendingSend, code: int) -> bool:
        """Get past a failed destination and on to the end; False when the socket is full."""
        repeats = 0
        while code:
            if code in _FULL:
                return False
            destination = pending.group.destinations[pending.index]
            if code in _REPEATABLE and repeats < _REPEATS:
                repeats += 1
                self.refused += 1
                destination.refused += 1
            else:
                repeats = 0
                pending.index += 1
                self._give_up(destination, pending, code)
            code = self._advance(pending)
        return True

    def _advance(self, pending: PendingSend) -> int:
        before = pending.index
        index, code = self._push(pending.buffer, pending.segment_bytes, pending.group, before)
        self.sent_packets += pending.packets * (index - before)
        self.sent_bytes += len(pending.buffer) * (index - before)
        pending.index = index
        return code

    def _give_up(self, destination: Destination, pending: PendingSend, code: int) -> None:
        """Note that a destination took no datagram, or send it single ones from now on."""
        if not (pending.segment_bytes and code in _NOT_SEGMENTABLE):
            self._note_undeliverable(destination, pending, code)
            return
        if destination.segmented:
            destination.segmented = False
            self._ungroup()
            self.fallbacks += 1
            _log.info(
                "Route takes no UDP segments, sending single datagrams",
                extra={
                    "peer": address_text(destination.address),
                    "cause": errno.errorcode.get(code, code),
                },
            )
        packets = Run(pending.buffer, pending.segment_bytes, pending.packets).packets()
        for number, packet in enumerate(packets):
            alone = PendingSend(
                packet, 0, 1, destination.alone, 0, pending.queued_s, self._removals
            )
            if not self._go_on(alone, self._advance(alone)):
                # The rest of these waits at the head of the queue: nothing that waits for this
                # destination is older.
                rest = [
                    PendingSend(p, 0, 1, destination.alone, 0, pending.queued_s, self._removals)
                    for p in packets[number:]
                ]
                self._stall(*rest)
                return

    def _note_undeliverable(
        self, destination: Destination, pending: PendingSend, code: int
    ) -> None:
        self.errors += 1
        destination.errors += 1
        self.dropped_packets += pending.packets
        self.dropped_bytes += len(pending.buffer)
        destination.dropped_packets += pending.packets
        destination.dropped_bytes += len(pending.buffer)
        if destination.errors == 1:
            _log.warning(
                "Datagrams cannot be sent to this address; further ones are counted only",
                extra={
                    "peer": address_text(destination.address),
                    "packets": pending.packets,
                    "bytes": len(pending.buffer),
                    "cause": os.strerror(code),
                },
            )

    # -- waiting

    def _stall(self, *stopped: PendingSend) -> None:
        """Put what could not be sent at the head of the queue and wait for the socket."""
        if not self._pending:
            self.stalls += 1
            self._loop.add_writer(self._sock.fileno(), self._resume)
        self._pending.extendleft(reversed(stopped))
        self.pending_bytes += sum(pending.wire_bytes for pending in stopped)

    def _enqueue(
        self, buffer: bytes, segment_bytes: int, packets: int, group: DestinationGroup
    ) -> None:
        now = self._loop.time()
        pending = PendingSend(buffer, segment_bytes, packets, group, 0, now, self._removals)
        self._pending.append(pending)
        self.pending_bytes += pending.wire_bytes

    def _resume(self) -> None:
        """Go on where sending stopped; called when the socket takes data again."""
        queue = self._pending
        while queue:
            pending = queue.popleft()
            self.pending_bytes -= pending.wire_bytes
            if pending.removals != self._removals:
                self._leave_out_removed(pending)
            if not self._go_on(pending, self._advance(pending)):
                queue.appendleft(pending)
                self.pending_bytes += pending.wire_bytes
                # Again, because libuv, beneath uvloop, forgets a socket that had an error.
                self._loop.add_writer(self._sock.fileno(), self._resume)
                return
        self._loop.remove_writer(self._sock.fileno())

    def _leave_out_removed(self, pending: PendingSend) -> None:
        rest = pending.group.destinations[pending.index :]
        pending.group = self._group(tuple([d for d in rest if d.active]))
        pending.index = 0
        pending.removals = self._removals
