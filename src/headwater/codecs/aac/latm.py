"""AAC in LATM to frames (RFC 6416 §6, ISO/IEC 14496-3 §1.7.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.bits import BitReader, BitWriter, below
from headwater.codecs.depacketizer import Depacketizer
from headwater.protocol.rtp import HEADER_BYTES

_MARKER = 0x80
_MOST_ELEMENT_BYTES = 1 << 16
_MOST_OTHER_BITS = 8 * _MOST_ELEMENT_BYTES
_MOST_FRAMES = 64
"""Of one packet, empty ones too."""


@dataclass(frozen=True, slots=True)
class StreamMuxConfig:
    """How frames are packed: one program of one layer, frames of any length, as all send."""

    audio: AacConfig
    frames: int
    """How many frames an element has."""
    other_bits: int
    """Bits of other data behind each element."""

    @classmethod
    def read(cls, bits: BitReader) -> "StreamMuxConfig":
        """Read a StreamMuxConfig.

        Raises:
            ValueError: it ends too early, or describes what nobody sends.
        """
        version = bits.bits(1)
        if version and bits.flag():
            raise ValueError("audioMuxVersionA 1")
        if version:
            _latm_value(bits)
        same_framing = bits.flag()
        frames = bits.bits(6) + 1
        if not same_framing or bits.bits(4) or bits.bits(3):
            raise ValueError("several programs or layers")
        if version:
            length = _latm_value(bits)
            start = bits.position
            bits.skip(length)
            audio = AacConfig.parse(bits.copy(start, bits.position))
        else:
            audio = AacConfig.read(bits)
        if bits.bits(3):
            raise ValueError("frames of a fixed length")
        bits.skip(8)
        other_bits = 0
        if bits.flag():
            if version:
                other_bits = _latm_value(bits)
            else:
                more = True
                while more:
                    more = bits.flag()
                    other_bits = below(other_bits << 8 | bits.bits(8), _MOST_OTHER_BITS)
        if bits.flag():
            bits.skip(8)
        return cls(audio, frames, other_bits)

    @staticmethod
    def content_for(audio: AacConfig) -> bytes:
        """Return what an SDP's `config` says of elements of one frame each (`latm_payloads`)."""
        reader = BitReader(audio.specific)
        AacConfig.read(reader, audio.specific)
        size = reader.position
        bits = BitWriter()
        # Version 0, all with the same framing; one frame, one program, one layer.
        bits.bits(0b01, 2)
        bits.bits(0, 6 + 4 + 3)
        bits.bits(int.from_bytes(audio.specific, "big") >> 8 * len(audio.specific) - size, size)
        # Frames of any length, buffer fullness not told, no other data, no checksum.
        bits.bits(0, 3)
        bits.bits(0xFF, 8)
        bits.bits(0, 2)
        return bits.content()


class LatmDepacketizer(Depacketizer[AacConfig]):
    """Unpacks audioMuxElements, with the configuration in the SDP or in band.

    Args:
        parameters: the track's format parameters (RFC 6416 §7.3).
        clock_rate_hz: units of the RTP timestamp per second.
        payload_types: as for `Depacketizer`.
    """

    __slots__ = ("_begun", "_clock_rate_hz", "_in_band", "_missing", "_mux", "_timestamp")

    def __init__(
        self,
        parameters: Mapping[str, str],
        *,
        clock_rate_hz: int,
        payload_types: Sequence[int] = (),
    ) -> None:
        super().__init__(payload_types=payload_types)
        self._clock_rate_hz = clock_rate_hz
        # RFC 6416 §7.3: absent means 1, the configuration is in band.
        self._in_band = parameters.get("cpresent", "1").strip() != "0"
        self._mux: StreamMuxConfig | None = None
        self._begun = bytearray()
        # Packets of the element with this timestamp are missing.
        self._missing = False
        self._timestamp = b""
        try:
            text = bytes.fromhex(parameters.get("config", "").strip().strip('"'))
            self._mux = StreamMuxConfig.read(BitReader(text[:128]))
        except ValueError:
            pass

    @property
    def config(self) -> AacConfig | None:
        """What a decoder is set up with; None until SDP or stream have told."""
        return self._mux.audio if self._mux is not None else None

    def _lose(self) -> None:
        self._begun = bytearray()
        self._missing = True

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        given: Sequence[AccessUnit] = ()
        if packet[4:8] != self._timestamp:
            # Of a sender that sets no markers.
            given = self.flush()
            self._timestamp = packet[4:8]
            self._missing = False
        if self._missing:
            return given
        self._begun += packet[HEADER_BYTES:]
        if len(self._begun) > _MOST_ELEMENT_BYTES:
            return self._broken_packet()
        # RFC 6416 §6.3: the marker is on the last packet of an element.
        return (*given, *self.flush()) if packet[1] & _MARKER else given

    def flush(self) -> Sequence[AccessUnit]:
        """See `Depacketizer.flush`."""
        if not self._begun:
            return ()
        element, self._begun = bytes(self._begun), bytearray()
        try:
            frames = self._frames(element)
        except ValueError:
            return self._broken_packet()
        return self._units(frames)

    def _units(self, frames: list[bytes]) -> list[AccessUnit]:
        if self._mux is None:
            self.counters.dropped_access_units += len(frames)
            return []
        audio = self._mux.audio
        duration = audio.frame_samples * self._clock_rate_hz // audio.sample_rate_hz
        timestamp = int.from_bytes(self._timestamp, "big")
        self.counters.access_units += len(frames)
        return [
            AccessUnit(timestamp + index * duration & 0xFFFFFFFF, (frame,), duration=duration)
            for index, frame in enumerate(frames)
        ]

    def _frames(self, element: bytes) -> list[bytes]:
        """Return the frames of all elements.

        Raises:
            ValueError: they are none, or the last one is not whole.
        """
        bits = BitReader(element)
        frames: list[bytes] = []
        slots = 0
        while bits.left >= 8:
            if self._in_band and not bits.flag():
                mux = StreamMuxConfig.read(bits)
                if mux != self._mux:
                    self._mux = mux
            if self._mux is None:
                # In band, the configuration comes now and then only.
                self.counters.dropped_access_units += 1
                return []
            for _ in range(self._mux.frames):
                size = 0
                while (part := bits.bits(8)) == 0xFF:
                    size = below(size + part, _MOST_ELEMENT_BYTES)
                size += part
                if size:
                    frames.append(bits.bits(8 * size).to_bytes(size, "big"))
            bits.skip(self._mux.other_bits)
            bits.skip(-bits.position % 8)
            slots += self._mux.frames
            if slots > _MOST_FRAMES:
                raise ValueError(f"more than {_MOST_FRAMES} frames in one packet")
        return frames


def _latm_value(bits: BitReader) -> int:
    size = bits.bits(2) + 1
    return bits.bits(8 * size)
