"""Packets that come on a track's way and do not belong to it."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from headwater.media.tracks.continuity import payload_types_beside
from headwater.media.tracks.sources import MAIN_SILENCE_S, SourceTable
from headwater.protocol.rtp import payload_type

if TYPE_CHECKING:
    from headwater.protocol.sdp import MediaDescription

_second_byte = itemgetter(1)
_source = itemgetter(slice(8, 12))
_MARKER: Final = 0x80
_OUTNUMBERED_BY: Final = 16
"""A source that brings so many more packets than the one that was heard first is the true one."""


class Strays:
    """Tells what belongs to a track from what does not, where a batch does not go on smoothly.

    Attributes:
        one_source: whether the publisher is known to send one source at a time, as a camera does
            that the server plays from: packets of others are of sessions that are over.
    """

    __slots__ = ("_beside", "_dropped", "_formats", "_second_bytes", "one_source")

    def __init__(self, media: MediaDescription) -> None:
        self.one_source = False
        self._formats = frozenset(media.formats)
        self._second_bytes = self._formats | {_MARKER | each for each in self._formats}
        self._beside = payload_types_beside(media)
        # Of sources that are not the track's own: what was dropped lately, by name.
        self._dropped: dict[bytes, int] = {}

    def kept(self, packets: list[bytes], sources: SourceTable, now: float) -> list[bytes]:
        """Return the packets without those that do not belong; the same list where all do."""
        if self._formats and not self._second_bytes.issuperset(map(_second_byte, packets)):
            packets = self._without_repeats(packets, sources)
        if self.one_source:
            packets = self._of_one_source(packets, sources, now)
        return packets

    def _without_repeats(self, packets: list[bytes], sources: SourceTable) -> list[bytes]:
        """Leave out what nobody described and what has the number of the packet before it.

        Geovision's cameras send data so, as payload type 50 (retina): to readers it would be a
        packet of the picture that came twice, and differs.
        """
        kept: list[bytes] = []
        before = sources.last_number
        for packet in packets:
            number = packet[8:12] + packet[2:4]
            if payload_type(packet) in self._formats or number != before:
                kept.append(packet)
            before = number
        return kept

    def _of_one_source(self, packets: list[bytes], sources: SourceTable, now: float) -> list[bytes]:
        """Leave out sources that neither are known nor go on where the main one stands.

        Reolink's RLC-410 and old live555 send packets of sessions that are over (retina).
        """
        if sources.main is None:
            (name, _), *_ = Counter(map(_source, packets)).most_common(1)
            return [packet for packet in packets if packet[8:12] == name or self._is_beside(packet)]
        return [packet for packet in packets if self._is_own(packet, sources, now)]

    def _is_beside(self, packet: bytes) -> bool:
        return payload_type(packet) in self._beside

    def _is_own(self, packet: bytes, sources: SourceTable, now: float) -> bool:
        name = packet[8:12]
        if sources.knows(name) or self._is_beside(packet):
            return True
        main_packets, main_s = sources.main_heard
        if now - main_s >= MAIN_SILENCE_S or sources.continues(packet, now):
            return True
        dropped = self._dropped.get(name, 0)
        if dropped >= main_packets + _OUTNUMBERED_BY:
            # What was heard first was the stray one.
            return True
        if name not in self._dropped:
            self._dropped.clear()
        self._dropped[name] = dropped + 1
        return False
