"""JPEG packets to whole JPEG files (RFC 2435)."""

from collections.abc import Sequence

from headwater.codecs.frame_depacketizer import FrameDepacketizer
from headwater.codecs.mjpeg.config import MjpegConfig
from headwater.codecs.mjpeg.tables import TABLE_BYTES, headers, quantization_tables
from headwater.codecs.quirks import Repair
from headwater.protocol.rtp import HEADER_BYTES

_MAIN_HEADER_BYTES = 8
_RESTART_TYPES = range(64, 128)
_IN_BAND_TABLES = 128
_CHANGING_TABLES = 255
_TABLES = range(4)
_END_OF_IMAGE = b"\xff\xd9"
_WIDTH_WRAPS_AT = 8 * 256
_WRAPPED_SIZES = frozenset({(2_560 - _WIDTH_WRAPS_AT, 1_920), (2_560 - _WIDTH_WRAPS_AT, 1_440)})


class MjpegDepacketizer(FrameDepacketizer[MjpegConfig]):
    """Puts scans together and writes the headers that they came without."""

    __slots__ = ("_tables", "config")

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types, keeps_damaged=keeps_damaged)
        self.config: MjpegConfig | None = None
        """What the last picture says; None until one came."""
        # RFC 2435 §4.2: tables of Q 128 to 254 stay as they are; by Q, with their precision.
        self._tables: dict[int, tuple[bytes, int]] = {}

    def _collect(self, packet: bytes) -> None:
        at = HEADER_BYTES + _MAIN_HEADER_BYTES
        kind, quality = packet[HEADER_BYTES + 4], packet[HEADER_BYTES + 5]
        offset = int.from_bytes(packet[HEADER_BYTES + 1 : HEADER_BYTES + 4], "big")
        restart = 0
        if kind in _RESTART_TYPES:
            restart = packet[at] << 8 | packet[at + 1]
            at += 4
        if offset == 0:
            tables, precision, at = self._quantization(packet, at, quality)
            self._begin_unit()
            width, height = 8 * packet[HEADER_BYTES + 6], 8 * packet[HEADER_BYTES + 7]
            if (width, height) in _WRAPPED_SIZES:
                width += _WIDTH_WRAPS_AT
                self.repairs[Repair.WIDTH_WRAPS] += 1
            if kind & 0x3F > 1 or not tables or not width or not height:
                raise IndexError("a picture without size, tables, or a type that is known")
            if self.config is None or (self.config.width, self.config.height) != (width, height):
                self.config = MjpegConfig(width, height)
            self._add(
                headers(
                    width,
                    height,
                    vertical=bool(kind & 1),
                    tables=tables,
                    precision=precision,
                    restart=restart,
                )
            )
        elif not self._open:
            # The picture's first packet is missing.
            self._broken = True
            return
        self._add(packet[at:])

    def _quantization(self, packet: bytes, at: int, quality: int) -> tuple[bytes, int, int]:
        """Return the tables, their precision, and where the scan begins."""
        if quality < _IN_BAND_TABLES:
            return quantization_tables(min(max(quality, 1), 99)), 0, at
        # RFC 2435 §3.1.8: a byte that is zero, precision, and the length of the tables.
        precision, length = packet[at + 1], packet[at + 2] << 8 | packet[at + 3]
        at += 4
        if not length:
            return *self._tables.get(quality, (b"", 0)), at
        tables = packet[at : at + length]
        if len(tables) < length or not _are_tables(length, precision):
            raise IndexError("quantisation tables that run past the end, or of no known size")
        if quality != _CHANGING_TABLES:
            self._tables[quality] = tables, precision
        return tables, precision, at + length

    def _is_key_frame(self, units: Sequence[bytes]) -> bool:  # noqa: ARG002 - each picture is one
        return True

    def _whole(self, units: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(
            unit if unit.endswith(_END_OF_IMAGE) else unit + _END_OF_IMAGE for unit in units
        )


def _are_tables(length: int, precision: int) -> bool:
    """Return whether so many bytes are whole tables; a bit tells which are twice as long."""
    for number in _TABLES:
        length -= TABLE_BYTES << (precision >> number & 1)
        if length <= 0:
            break
    return length == 0
