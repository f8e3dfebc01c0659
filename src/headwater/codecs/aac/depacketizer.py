"""AAC packets to frames (RFC 3640, modes AAC-hbr and AAC-lbr, without interleaving)."""

from collections.abc import Mapping, Sequence

from headwater.codecs.aac.adts import adts_config, adts_header_bytes
from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.quirks import Repair
from headwater.protocol.rtp import HEADER_BYTES

_HBR_BITS = (13, 3, 3)
_MARKER = 0x80
_MOST_FRAME_BYTES = 1 << 16
_MOST_FRAMES = 64
"""Of one packet: more than a second of sound."""


class AacDepacketizer(Depacketizer[AacConfig]):
    """Cuts a packet into its frames, and puts a frame of several packets together.

    Args:
        parameters: the track's format parameters (RFC 3640 §4.1).
        clock_rate_hz: units of the RTP timestamp per second.
        channels: as `a=rtpmap` tells them, for a track without `config`.
        payload_types: as for `Depacketizer`.
    """

    __slots__ = (
        "_begun",
        "_clock_rate_hz",
        "_delta_bits",
        "_duration",
        "_index_bits",
        "_size_bits",
        "_timestamp",
        "_whole_bytes",
        "config",
    )

    def __init__(
        self,
        parameters: Mapping[str, str],
        *,
        clock_rate_hz: int,
        channels: int,
        payload_types: Sequence[int] = (),
    ) -> None:
        super().__init__(payload_types=payload_types)
        self._size_bits = _number(parameters, "sizelength")
        self._index_bits = _number(parameters, "indexlength")
        self._delta_bits = _number(parameters, "indexdeltalength")
        if not self._size_bits and parameters.get("mode", "").lower() == "aac-hbr":
            self._size_bits, self._index_bits, self._delta_bits = _HBR_BITS
        self._clock_rate_hz = clock_rate_hz
        self.config: AacConfig | None = config_of(parameters, clock_rate_hz, channels)
        """What a decoder is set up with; None where neither SDP nor stream tell."""
        self._begun = bytearray()
        self._whole_bytes = 0
        self._timestamp = b""
        self._set_duration()

    def _set_duration(self) -> None:
        config = self.config
        self._duration = (
            config.frame_samples * self._clock_rate_hz // config.sample_rate_hz if config else 1024
        )

    def _lose(self) -> None:
        self._begun = bytearray()

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        timestamp = int.from_bytes(packet[4:8], "big")
        if not self._size_bits:
            return (self._frame(packet[HEADER_BYTES:], timestamp),)
        headers_bits = packet[HEADER_BYTES] << 8 | packet[HEADER_BYTES + 1]
        at = HEADER_BYTES + 2 + (headers_bits + 7) // 8
        if at > len(packet):
            return self._broken_packet()
        headers = self._headers(packet[HEADER_BYTES + 2 : at], headers_bits)
        if len(headers) == 1 and (self._begun or headers[0][0] > len(packet) - at):
            return self._fragment(packet, at, headers[0][0])
        self._begun = bytearray()
        frames = []
        for size, place in headers:
            if at + size > len(packet):
                self._broken_packet()
                break
            if size:
                moment = timestamp + place * self._duration & 0xFFFFFFFF
                frames.append(self._frame(packet[at : at + size], moment))
            at += size
        return frames

    def _headers(self, text: bytes, length: int) -> list[tuple[int, int]]:
        """Return size and place in time of each frame that the AU headers tell.

        Raises:
            IndexError: they are more than a packet has.
        """
        size_bits, index_bits, delta_bits = self._size_bits, self._index_bits, self._delta_bits
        if length % 16 == 0 and not index_bits and not delta_bits and size_bits == _HBR_BITS[0]:
            _, index_bits, delta_bits = _HBR_BITS
            self.repairs[Repair.UNTOLD_INDEX] += 1
        value, left = int.from_bytes(text, "big") >> -length % 8, length
        headers: list[tuple[int, int]] = []
        place = 0
        while left > 0:
            more_bits = delta_bits if headers else index_bits
            left -= size_bits + more_bits
            if left < 0:
                break
            if len(headers) == _MOST_FRAMES:
                raise IndexError(f"more than {_MOST_FRAMES} AU headers")
            header = value >> left & (1 << size_bits + more_bits) - 1
            if headers:
                place += 1 + (header & (1 << more_bits) - 1)
            headers.append((header >> more_bits, place))
        return headers

    def _fragment(self, packet: bytes, at: int, size: int) -> Sequence[AccessUnit]:
        # RFC 3640 §3.2.3.1: each fragment tells the size of the whole frame.
        timestamp = packet[4:8]
        if not self._begun or timestamp != self._timestamp or size != self._whole_bytes:
            self._begun = bytearray()
            if size > _MOST_FRAME_BYTES:
                return self._broken_packet()
            self._timestamp, self._whole_bytes = timestamp, size
        self._begun += packet[at:]
        whole = len(self._begun) >= size
        if not whole and not packet[1] & _MARKER:
            return ()
        frame, self._begun = bytes(self._begun), bytearray()
        if len(frame) != size:
            return self._broken_packet()
        return (self._frame(frame, int.from_bytes(timestamp, "big")),)

    def _frame(self, frame: bytes, timestamp: int) -> AccessUnit:
        header = adts_header_bytes(frame) if frame[0] == 0xFF else 0
        if header:
            self.repairs[Repair.FRAME_IN_ADTS] += 1
            if self.config is None:
                self.config = _told_by(frame)
                self._set_duration()
            frame = frame[header:]
        self.counters.access_units += 1
        return AccessUnit(timestamp, (frame,), duration=self._duration)


def config_of(parameters: Mapping[str, str], clock_rate_hz: int, channels: int) -> AacConfig | None:
    """Return the configuration of a track: that of `config`, else one of rate and channels."""
    text = parameters.get("config", "").strip().strip('"')
    try:
        return AacConfig.parse(bytes.fromhex(text))
    except ValueError:
        pass
    try:
        return AacConfig.of_track(clock_rate_hz, channels)
    except ValueError:
        return None


def _told_by(frame: bytes) -> AacConfig | None:
    try:
        return adts_config(frame)
    except ValueError:
        return None


def _number(parameters: Mapping[str, str], name: str) -> int:
    text = parameters.get(name, "")
    return min(int(text), 32) if text.isascii() and text.isdigit() and len(text) < 4 else 0
