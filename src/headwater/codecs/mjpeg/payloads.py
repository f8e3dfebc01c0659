"""JPEG files to payloads (RFC 2435)."""

from collections.abc import Iterator
from dataclasses import dataclass

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.mjpeg.tables import HUFFMAN, TABLE_BYTES

_START_OF_IMAGE, _END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
_FRAME, _HUFFMAN, _SCAN, _QUANTIZATION, _RESTART = 0xC0, 0xC4, 0xDA, 0xDB, 0xDD
_OTHER_FRAMES = frozenset(range(0xC1, 0xD0)) - {_HUFFMAN, 0xC8, 0xCC}
_TYPES = {(0x21, 0x11, 0x11): 0, (0x22, 0x11, 0x11): 1}
"""§4.1: by how often each component is sampled in a block: 4:2:2 and 4:2:0."""
_TABLE_NUMBERS = ((0, 1, 1), (0, 0, 0))
_WITH_RESTARTS = 64
_CHANGING_TABLES = 255
_WHOLE_FRAME = b"\xff\xff"
"""§3.1.7: a picture whose intervals need not be told apart."""
_MOST_PIXELS = 8 * 255


@dataclass(slots=True)
class _Picture:
    """What a JPEG file says, as far as payloads tell it."""

    tables: dict[int, tuple[int, bytes]]
    """By number: precision (1: values of two bytes) and values."""
    width: int = 0
    height: int = 0
    kind: int = -1
    restart: int = 0
    scan: bytes = b""


def mjpeg_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Cut a JPEG file into payloads of at most `room` bytes.

    Raises:
        ValueError: the format has no form for such a picture.
    """
    picture = _parse(b"".join(unit.units))
    behind = picture.restart.to_bytes(2, "big") + _WHOLE_FRAME if picture.restart else b""
    kind = picture.kind + (_WITH_RESTARTS if picture.restart else 0)
    sizes = bytes((kind, _CHANGING_TABLES, -(-picture.width // 8), -(-picture.height // 8)))
    precision, values = 0, b""
    for place, number in enumerate(sorted(picture.tables)):
        wide, table = picture.tables[number]
        precision |= wide << place
        values += table
    tables = bytes((0, precision)) + len(values).to_bytes(2, "big") + values
    payloads: list[bytes] = []
    at = 0
    while at < len(picture.scan):
        head = b"\0" + at.to_bytes(3, "big") + sizes + behind + (b"" if at else tables)
        end = at + room - len(head)
        if end <= at:
            raise ValueError(f"a JPEG picture needs packets of more than {room} bytes")
        payloads.append(head + picture.scan[at:end])
        at = end
    return payloads


def _parse(file: bytes) -> _Picture:
    picture = _Picture({})
    try:
        for marker, content, end in _segments(file):
            if marker == _QUANTIZATION:
                picture.tables.update(_tables(content))
            elif marker == _FRAME:
                _read_frame(picture, content)
            elif marker == _RESTART:
                picture.restart = int.from_bytes(content, "big")
            elif marker == _HUFFMAN:
                _check_huffman(content)
            elif marker in _OTHER_FRAMES:
                raise ValueError("a JPEG picture that is not baseline has no form in RTP")
            elif marker == _SCAN:
                picture.scan = file[end:].removesuffix(_END_OF_IMAGE)
                break
    except IndexError:
        raise ValueError("a JPEG file that ends inside a segment") from None
    if picture.kind < 0 or not picture.tables or not picture.scan:
        raise ValueError("a JPEG file without size, tables or picture")
    return picture


def _segments(file: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker and content of each segment, and where it ends."""
    if not file.startswith(_START_OF_IMAGE):
        raise ValueError("no JPEG file")
    at = 2
    while at < len(file):
        if file[at] != 0xFF:
            raise ValueError("a JPEG file without a marker where one has to be")
        marker = file[at + 1]
        if marker == 0xFF:
            # ITU-T T.81 §B.1.1.2: any number of fill bytes.
            at += 1
            continue
        end = at + 2 + max(2, file[at + 2] << 8 | file[at + 3])
        if end > len(file):
            raise IndexError
        yield marker, file[at + 4 : end], end
        at = end


def _tables(content: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    at = 0
    while at < len(content):
        wide, number = content[at] >> 4 & 1, content[at] & 0x0F
        end = at + 1 + (TABLE_BYTES << wide)
        if end > len(content):
            raise IndexError
        yield number, (wide, content[at + 1 : end])
        at = end


def _read_frame(picture: _Picture, content: bytes) -> None:
    picture.height = content[1] << 8 | content[2]
    picture.width = content[3] << 8 | content[4]
    sampling = tuple(content[7::3])
    if sampling not in _TYPES or tuple(content[8::3]) not in _TABLE_NUMBERS:
        raise ValueError("a JPEG picture that is neither 4:2:0 nor 4:2:2 has no form in RTP")
    if not (0 < picture.width <= _MOST_PIXELS and 0 < picture.height <= _MOST_PIXELS):
        raise ValueError(f"RTP has JPEG pictures of at most {_MOST_PIXELS} pixels a side")
    picture.kind = _TYPES[sampling]


def _check_huffman(content: bytes) -> None:
    at = 0
    while at < len(content):
        end = at + 17 + sum(content[at + 1 : at + 17])
        if content[at:end] not in HUFFMAN:
            raise ValueError("a JPEG picture with Huffman tables of its own has no form in RTP")
        at = end
