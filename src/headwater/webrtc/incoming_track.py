"""What one track of a browser sends: put in order, without what browsers add, losses asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headwater.protocol.rtp import HEADER_BYTES, payload_offset, sequence_number, ssrc
from headwater.protocol.webrtc.offer import Codec

_PATIENCE_S: Final = 0.25
"""A packet that is asked for again comes within this, or not at all."""
_ASK_AGAIN_S: Final = 0.06
_MOST_ASKED: Final = 4
_MOST_WAITING: Final = 512
"""Packets that may wait behind one that is missing; a jump that is further is a new start."""
_PADDING: Final = 0x20


@dataclass(slots=True)
class _Missing:
    since_s: float
    asked_s: float = float("-inf")
    asked: int = 0


class IncomingTrack:
    """Packets of one source in the order of their numbers. Knows no sockets and no clock.

    Attributes:
        index: its place in the presentation.
        kind: `video` or `audio`.
        codec: what was agreed.
        payload_type: what its packets get.
        ssrc: its source; None before its first packet.
        lost: packets that never came.
        broken: whether something was lost since this was last set to False.
    """

    def __init__(self, index: int, kind: str, codec: Codec, payload_type: int) -> None:
        self.index = index
        self.kind = kind
        self.codec = codec
        self.payload_type = payload_type
        self.ssrc: int | None = None
        self.lost = 0
        self.broken = False
        self._next = -1
        self._removed = 0
        self._waiting: dict[int, bytes] = {}
        self._missing: dict[int, _Missing] = {}

    @property
    def misses(self) -> bool:
        """Whether packets are missing that may still come."""
        return bool(self._missing)

    def take(self, packet: bytes, now: float) -> list[bytes]:
        """Take a packet; return those that are next, for readers."""
        number, source = sequence_number(packet), ssrc(packet)
        ahead = number - self._next & 0xFFFF
        if source != self.ssrc or (_MOST_WAITING < ahead < 0x8000):
            self._begin_at(number, source)
            ahead = 0
        elif ahead >= 0x8000 or number in self._waiting:
            # Late, or there already.
            return []
        self._waiting[number] = packet
        self._missing.pop(number, None)
        if ahead:
            for step in range(ahead):
                missing = self._next + step & 0xFFFF
                if missing not in self._waiting:
                    self._missing.setdefault(missing, _Missing(now))
        return self._released()

    def overdue(self, now: float) -> list[bytes]:
        """Give up what does not come any more; return the packets that waited for it."""
        ready: list[bytes] = []
        while (first := self._missing.get(self._next)) and now - first.since_s > _PATIENCE_S:
            del self._missing[self._next]
            self._next = self._next + 1 & 0xFFFF
            self.lost += 1
            self.broken = True
            ready += self._released()
        return ready

    def to_ask(self, now: float) -> list[int]:
        """Return the numbers of packets to ask for now."""
        due = [
            number
            for number, missing in self._missing.items()
            if now - missing.asked_s >= _ASK_AGAIN_S and missing.asked < _MOST_ASKED
        ]
        for number in due:
            self._missing[number].asked_s = now
            self._missing[number].asked += 1
        return due

    def _begin_at(self, number: int, source: int) -> None:
        if self.ssrc is not None:
            self.broken = True
        self.ssrc = source
        self._next = number
        self._waiting.clear()
        self._missing.clear()

    def _released(self) -> list[bytes]:
        ready: list[bytes] = []
        while (packet := self._waiting.pop(self._next, None)) is not None:
            plain = self._plain(packet)
            if plain:
                ready.append(plain)
            else:
                # Chromium probes with packets of padding alone: no gap may tell of them.
                self._removed += 1
            self._next = self._next + 1 & 0xFFFF
        return ready

    def _plain(self, packet: bytes) -> bytes:
        """Return the packet without extensions and padding; empty where nothing is left."""
        start, end = payload_offset(packet), len(packet)
        if packet[0] & _PADDING:
            # RFC 3550 §5.1: the last octet of the padding counts the padding, itself included.
            end = max(start, end - packet[-1])
        if start >= end:
            return b""
        number = sequence_number(packet) - self._removed & 0xFFFF
        head = bytes((0x80, packet[1] & 0x80 | self.payload_type)) + number.to_bytes(2, "big")
        return head + packet[4:HEADER_BYTES] + packet[start:end]
