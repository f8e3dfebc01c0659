"""What RFC 2435 leaves out of packets: tables of quantisation and Huffman codes, and headers."""

from functools import lru_cache

# RFC 2435 appendix A: ITU-T T.81 tables K.1 and K.2, in zigzag order.
_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA = bytes.fromhex(
    "1112121815182f1a1a2f63423842636363636363636363636363636363636363"
    "6363636363636363636363636363636363636363636363636363636363636363"
)
# ITU-T T.81 tables K.3 to K.6: how many codes of each length, then what they stand for.
_DC_LUMA = bytes.fromhex("00010501010101010100000000000000000102030405060708090a0b")
_DC_CHROMA = bytes.fromhex("00030101010101010101010000000000000102030405060708090a0b")
_AC_LUMA = bytes.fromhex(
    "0002010303020403050504040000017d"
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "2433627282090a161718191a25262728292a3435363738393a434445464748494a"
    "535455565758595a636465666768696a737475767778797a838485868788898a"
    "92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6"
    "c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9"
    "fa"
)
_AC_CHROMA = bytes.fromhex(
    "00020102040403040705040400010277"
    "000102031104052131061241510761711322328108144291a1b1c109233352f0"
    "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
    "494a535455565758595a636465666768696a737475767778797a828384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
    "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
    "f9fa"
)
HUFFMAN = (b"\x00" + _DC_LUMA, b"\x10" + _AC_LUMA, b"\x01" + _DC_CHROMA, b"\x11" + _AC_CHROMA)
"""The tables of every picture in RTP, each with its class and number in front."""
TABLE_BYTES = 64
"""Of a quantisation table whose values have one byte."""


@lru_cache(maxsize=128)
def quantization_tables(quality: int) -> bytes:
    """Return the tables of luma and chroma that a Q of 1 to 99 means (RFC 2435 §4.2)."""
    factor = 5_000 // quality if quality < 50 else 200 - 2 * quality
    return bytes(min(max((value * factor + 50) // 100, 1), 255) for value in _LUMA + _CHROMA)


@lru_cache(maxsize=64)
def headers(
    width: int, height: int, *, vertical: bool, tables: bytes, precision: int, restart: int
) -> bytes:
    """Return all of a JPEG file that stands in front of its scan.

    Args:
        width: in pixels.
        height: in pixels.
        vertical: chroma has half of the height too: 4:2:0, where it is 4:2:2 otherwise.
        tables: the quantisation tables, one after the other.
        precision: for each table a bit, the first the lowest: its values have 16 bits.
        restart: the restart interval, 0 for none.
    """
    parts = [b"\xff\xd8"]
    at = number = 0
    while at < len(tables):
        wide = precision >> number & 1
        size = TABLE_BYTES * (1 + wide)
        parts.append(_segment(0xDB, bytes((wide << 4 | number,)) + tables[at : at + size]))
        at += size
        number += 1
    if restart:
        parts.append(_segment(0xDD, restart.to_bytes(2, "big")))
    chroma = 1 if number > 1 else 0
    frame = b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03"
    frame += bytes((1, 0x22 if vertical else 0x21, 0, 2, 0x11, chroma, 3, 0x11, chroma))
    parts.append(_segment(0xC0, frame))
    parts += [_segment(0xC4, table) for table in HUFFMAN]
    parts.append(_segment(0xDA, b"\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"))
    return b"".join(parts)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content
