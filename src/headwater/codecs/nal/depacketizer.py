"""Packets of H.264 and H.265 to access units: what both have in common."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import MOST_UNIT_BYTES, MOST_UNITS, Config_co, VideoDepacketizer
from headwater.codecs.nal.parameter_sets import ParameterSets, sprop_units
from headwater.codecs.quirks import START_CODE, Repair, annex_b_units
from headwater.protocol.rtp import HEADER_BYTES

# What a NAL unit means for its access unit. Plain integers: they are compared for each unit.
IGNORED = 0
"""Delimiters and filler: they carry nothing that is needed here."""
PICTURE = 1
LEADING_PICTURE = 2
"""Can be decoded only where the pictures before its random access point were (H.265's RASL)."""
KEY_PICTURE = 3
PARAMETERS = 4
SUPPLEMENT = 5
"""SEI in front of a picture."""
OTHER = 6

# What a packet holds.
WHOLE = 0
AGGREGATED = 1
FRAGMENT = 2
UNKNOWN = 3

_MARKER = 0x80
_FU_START, _FU_END = 0x80, 0x40
_FIRST_SLICE = 0x80


class NalDepacketizer(VideoDepacketizer[Config_co]):
    """Collects NAL units into access units, and mends what cameras get wrong (`quirks.Repair`).

    Args:
        parameters: where the parameter sets are kept; those of the SDP may be in it already.
        payload_types: as for `Depacketizer`.
        keeps_damaged: as for `VideoDepacketizer`.
    """

    __slots__ = (
        "_bidirectional",
        "_broken",
        "_first_is_there",
        "_fragment",
        "_gap",
        "_has_parameters",
        "_has_picture",
        "_key",
        "_last_given",
        "_leading",
        "_markers_lie",
        "_marks",
        "_middle",
        "_parameters",
        "_recovery",
        "_room",
        "_skips_leading",
        "_timestamp",
        "_units",
    )

    _HEADER: ClassVar[int]
    """Bytes of a NAL unit's header."""
    _FU_TYPE: ClassVar[int]
    """Bits of the FU header that hold the unit's type."""
    _SPROPS: ClassVar[tuple[str, ...]]
    """Format parameters of an SDP that hold parameter sets."""
    _ROLES: ClassVar[bytes]
    """What a unit means, by its first byte."""
    _PACKETS: ClassVar[bytes]
    """What a packet holds, by its payload's first byte."""

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types, keeps_damaged=keeps_damaged)
        self._parameters = self._parameter_sets()
        self._timestamp = b""
        self._last_given = b""
        self._markers_lie = False
        self._marks = False
        self._skips_leading = False
        self._fragment = bytearray()
        # Payload header and FU header of a fragment that goes on; empty while none is open.
        self._middle = b""
        self._gap = True
        self._reset()

    @classmethod
    def of_format(
        cls,
        parameters: Mapping[str, str],
        *,
        payload_types: Sequence[int] = (),
        keeps_damaged: bool = False,
    ) -> Self:
        """Make one for a track with these format parameters."""
        made = cls(payload_types=payload_types, keeps_damaged=keeps_damaged)
        made.add_parameter_sets(
            sprop_units([parameters.get(name, "") for name in cls._SPROPS], made.repairs)
        )
        return made

    def _reset(self) -> None:
        self._units: list[bytes] = []
        self._room = MOST_UNIT_BYTES
        self._broken = False
        self._first_is_there = False
        self._has_parameters = False
        self._has_picture = False
        self._key = False
        self._leading = False
        self._recovery = False
        self._bidirectional = False

    @property
    def config(self) -> Config_co | None:
        """What the parameter sets say, a new object for each change; None until all are there."""
        return self._parameters.config

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """The NAL units of all parameter sets, in the order in which a decoder wants them."""
        return self._parameters.units

    def add_parameter_sets(self, units: Sequence[bytes]) -> None:
        """Take parameter sets that came beside the packets."""
        for unit in units:
            if unit and self._ROLES[unit[0]] == PARAMETERS:
                self._parameters.add(unit)

    def flush(self) -> Sequence[AccessUnit]:
        """See `Depacketizer.flush`."""
        # A sender that marks the end of pictures has not sent that of this one.
        self._broken |= bool(self._middle) or self._marks
        self._drop_fragment()
        return self._finish() if self._has_picture else ()

    @abstractmethod
    def _parameter_sets(self) -> ParameterSets[Config_co]:
        """Make the store of this codec's parameter sets."""

    @abstractmethod
    def _fragment_header(self, packet: bytes) -> bytes:
        """Return the header of the unit that a fragment belongs to."""

    @abstractmethod
    def _look_at_first_slice(self, unit: bytes) -> None:
        """Look at a picture's first slice."""

    @abstractmethod
    def _is_recovery_point(self, unit: bytes) -> bool:
        """Return whether a decoder can begin behind an SEI unit."""

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        given: Sequence[AccessUnit] = ()
        if packet[4:8] != self._timestamp:
            given = self._turn_to(packet)
        body = HEADER_BYTES + self._HEADER + 1
        if packet[HEADER_BYTES:body] == self._middle:
            self._fragment += packet[body:]
            if len(self._fragment) > self._room:
                self._overflow()
        else:
            try:
                self._take_payload(packet)
            except IndexError:
                self._broken_packet()
        if packet[1] & _MARKER:
            ended = self._mark()
            return (*given, *ended) if given else ended
        return given

    def _take_payload(self, packet: bytes) -> None:
        kind = self._PACKETS[packet[HEADER_BYTES]]
        if kind == FRAGMENT:
            self._take_fragment(packet)
            return
        self._close_fragment(Repair.NO_END_BIT)
        if kind == WHOLE:
            self._add(packet[HEADER_BYTES:])
        elif kind == AGGREGATED:
            # RFC 6184 §5.7.1, RFC 7798 §4.4.2: sizes of two bytes, each in front of its unit.
            at = HEADER_BYTES + self._HEADER
            while at + 2 < len(packet):
                end = at + 2 + (packet[at] << 8 | packet[at + 1])
                if end > len(packet):
                    self._broken_packet()
                    self._broken = True
                self._add(packet[at + 2 : end])
                at = end
        else:
            self.counters.broken_packets += 1

    def _take_fragment(self, packet: bytes) -> None:
        at = HEADER_BYTES + self._HEADER
        flags, body = packet[at], packet[at + 1 :]
        if flags & _FU_START:
            self._close_fragment(Repair.NO_END_BIT)
            if flags & _FU_END:
                self.repairs[Repair.START_AND_END_BIT] += 1
            self._open_fragment(packet, flags)
        elif self._middle:
            middle = packet[HEADER_BYTES:at] + bytes((flags & self._FU_TYPE,))
            if middle != self._middle:
                self.repairs[Repair.HEADER_CHANGES_IN_FRAGMENT] += 1
        elif self._gap:
            # The fragment in front of it is missing.
            self._broken = True
            return
        else:
            self.repairs[Repair.NO_START_BIT] += 1
            self._open_fragment(packet, flags)
        self._fragment += body
        if len(self._fragment) > self._room:
            self._overflow()
        elif flags & _FU_END:
            self._close_fragment(None)

    def _open_fragment(self, packet: bytes, flags: int) -> None:
        at = HEADER_BYTES + self._HEADER
        self._middle = packet[HEADER_BYTES:at] + bytes((flags & self._FU_TYPE,))
        self._fragment += self._fragment_header(packet)

    def _close_fragment(self, repair: Repair | None) -> None:
        """End the fragmented unit, where one is open."""
        if not self._middle:
            return
        if repair is not None:
            self.repairs[repair] += 1
        unit = bytes(self._fragment)
        self._drop_fragment()
        self._add(unit)

    def _drop_fragment(self) -> None:
        self._middle = b""
        self._fragment = bytearray()

    def _lose(self) -> None:
        self._gap = True
        self._waits = True
        if self._units or self._middle or self._has_parameters:
            self._broken = True
        self._drop_fragment()

    def _overflow(self) -> None:
        self._drop_fragment()
        self._units = []
        self._room = MOST_UNIT_BYTES
        self._broken = self._gap = True
        self.counters.broken_packets += 1

    def _add(self, unit: bytes) -> None:
        """Take the next NAL unit."""
        if START_CODE in unit:
            self.repairs[Repair.START_CODES_IN_PACKET] += 1
            for part in annex_b_units(unit):
                self._add(part)
            return
        if len(unit) <= self._HEADER:
            return
        role = self._ROLES[unit[0]]
        if role == IGNORED:
            return
        if role == PARAMETERS:
            self._has_parameters = True
            if not self._parameters.add(unit):
                self.counters.broken_packets += 1
            return
        if role <= KEY_PICTURE:
            self._take_slice(role, unit)
        elif role == SUPPLEMENT and self._is_recovery_point(unit):
            self._recovery = True
        self._room -= len(unit)
        self._units.append(unit)
        if self._room < 0 or len(self._units) > MOST_UNITS:
            self._overflow()

    def _take_slice(self, role: int, unit: bytes) -> None:
        if self._has_picture:
            return
        self._has_picture = True
        if unit[self._HEADER] & _FIRST_SLICE:
            self._first_is_there = True
            self._key = role == KEY_PICTURE
            self._leading = role == LEADING_PICTURE
            self._look_at_first_slice(unit)
        elif self._gap:
            self._broken = True
        elif self._timestamp == self._last_given and not self._markers_lie:
            self._markers_lie = True
            self._marks = False
            self.repairs[Repair.MARKER_ON_EACH_SLICE] += 1
            self._broken = True

    def _turn_to(self, packet: bytes) -> Sequence[AccessUnit]:
        """Take up the timestamp of a packet that has another one than the packet before."""
        timestamp = packet[4:8]
        if not (self._units or self._middle or self._has_parameters or self._broken):
            self._timestamp = timestamp
            return ()
        if self._goes_on_in(packet):
            self.repairs[Repair.TIMESTAMP_CHANGES_IN_PICTURE] += 1
            return ()
        self._close_fragment(Repair.NO_END_BIT)
        if not (self._has_picture or self._broken):
            self.repairs[Repair.OWN_TIMESTAMP_OF_PARAMETERS] += 1
            self._timestamp = timestamp
            return ()
        # The packets that are missing may have been of both pictures.
        gap = self._broken
        given = self._finish()
        self._timestamp = timestamp
        self._gap = gap
        return given

    def _goes_on_in(self, packet: bytes) -> bool:
        """Return whether a packet with a new timestamp holds more of the same picture."""
        at = HEADER_BYTES
        if self._broken or len(packet) < at + self._HEADER + 2:
            return False
        kind = self._PACKETS[packet[at]]
        first = packet[at]
        if kind == FRAGMENT:
            at += self._HEADER
            if not packet[at] & _FU_START:
                return bool(self._middle)
            first = self._fragment_header(packet)[0]
            at += 1
        elif kind == WHOLE:
            at += self._HEADER
        else:
            return False
        if not self._has_picture or not IGNORED < self._ROLES[first] <= KEY_PICTURE:
            return False
        return not packet[at] & _FIRST_SLICE

    def _mark(self) -> Sequence[AccessUnit]:
        self._close_fragment(Repair.NO_END_BIT)
        if not (self._has_picture or self._broken):
            if self._units or self._has_parameters:
                self.repairs[Repair.MARKER_WITHOUT_PICTURE] += 1
            return ()
        if self._markers_lie:
            return ()
        self._marks = True
        return self._finish()

    def _finish(self) -> Sequence[AccessUnit]:
        """End the access unit and give it, or drop it."""
        key = self._first_is_there and (self._key or self._recovery)
        units = tuple(self._units)
        if key or self._has_parameters:
            units = self._parameters.units + units
        broken = self._broken or not self._has_picture or (key and self.config is None)
        bidirectional, leading, intra = self._bidirectional, self._leading, self._key
        self._reset()
        self._gap = False
        self._last_given = self._timestamp
        if leading and self._skips_leading and not self._waits:
            self.counters.dropped_access_units += 1
            return ()
        if intra:
            # Leading pictures refer to what was in front of the key frame: lost, or never there.
            self._skips_leading = self._waits
        return self._deliver(
            int.from_bytes(self._last_given, "big"),
            units,
            key_frame=key,
            broken=broken,
            bidirectional=bidirectional,
        )
