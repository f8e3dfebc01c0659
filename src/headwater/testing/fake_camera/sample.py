"""The samples that are kept beside this file, as tracks: two seconds each, played in a loop.

Each picture carries its number, each tenth of a second of the sound a note of its own.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from headwater.testing.fake_camera.track import RTP_PAYLOAD_BYTES, Track, Unit

FOLDER = Path(__file__).parent / "samples"
WIDTH, HEIGHT, RATE_HZ = 320, 240, 25
PICTURES = 50
"""How many pictures there are before the first one comes again."""

_SQUARE = 40
_ADTS_BYTES = 7
_NAL_IDR, _NAL_SPS, _NAL_PPS = 5, 7, 8
_H265_FRAGMENT, _H265_KEY, _H265_SETS = 49, range(16, 24), range(32, 35)
_JPEG_SCAN, _JPEG_TABLES, _JPEG_RESTART = 0xDA, 0xDB, 0xDD
NOTES = 20
"""How many notes there are, a tenth of a second each, before the first one comes again."""
_LOWEST_HZ, _STEP_HZ = 400, 50


@cache
def h264(
    rate_hz: int = RATE_HZ,
    *,
    payload_bytes: int = RTP_PAYLOAD_BYTES,
    joined: bool = False,
    payload_type: int = 96,
) -> Track:
    """H.264 by FU-A and single NAL units (RFC 6184 §5.6, §5.8), a key frame each 25 pictures.

    `joined` puts all NAL units of a picture into one packet, with start codes between, as the
    RFC does not allow it.
    """
    nals = (FOLDER / "h264-320x240-25.h264").read_bytes().split(b"\0\0\0\1")[1:]
    sets = [next(nal for nal in nals if nal[0] & 31 == kind) for kind in (_NAL_SPS, _NAL_PPS)]
    sprop = ",".join(base64.b64encode(nal).decode() for nal in sets)
    return Track(
        media="video",
        payload_type=payload_type,
        encoding="H264/90000",
        clock_hz=90_000,
        units=tuple(_pictures(nals, 90_000 // rate_hz, payload_bytes, joined)),
        fmtp=f"packetization-mode=1;profile-level-id={sets[0][1:4].hex()};"
        f"sprop-parameter-sets={sprop}",
    )


@cache
def h265(rate_hz: int = RATE_HZ, *, payload_bytes: int = RTP_PAYLOAD_BYTES) -> Track:
    """H.265 by single NAL units and fragments (RFC 7798 §4.4), a key frame each 25 pictures."""
    nals = (FOLDER / "h265-320x240-25.h265").read_bytes().split(b"\0\0\0\1")[1:]
    names = zip(("vps", "sps", "pps"), _H265_SETS, strict=True)
    sprop = ";".join(
        f"sprop-{name}={base64.b64encode(next(n for n in nals if _h265_kind(n) == kind)).decode()}"
        for name, kind in names
    )
    units: list[Unit] = []
    picture: list[bytes] = []
    for nal in nals:
        picture += _h265_fragments(nal, payload_bytes)
        if (kind := _h265_kind(nal)) not in _H265_SETS:
            key = kind in _H265_KEY
            units.append(Unit(len(units), 90_000 // rate_hz, tuple(picture), key=key))
            picture = []
    return Track("video", 98, "H265/90000", 90_000, tuple(units), fmtp=sprop)


@cache
def mjpeg(rate_hz: int = RATE_HZ, *, payload_bytes: int = RTP_PAYLOAD_BYTES) -> Track:
    """JPEG pictures (RFC 2435), each with its quantization tables; every one is a key frame."""
    files = _behind_lengths((FOLDER / "mjpeg-320x240-25.jpegs").read_bytes())
    units = tuple(
        Unit(number, 90_000 // rate_hz, tuple(_jpeg_payloads(file, payload_bytes)))
        for number, file in enumerate(files)
    )
    return Track("video", 26, "JPEG/90000", 90_000, units)


def number_of(luma: bytes, width: int = WIDTH) -> int:
    """The number that a decoded picture of the sample carries, read off its luma plane."""
    middles = (_SQUARE // 2 * width + bit * _SQUARE + _SQUARE // 2 for bit in range(8))
    return sum((luma[at] > 128) << (7 - bit) for bit, at in enumerate(middles))


def note_of(samples: Sequence[float], rate_hz: int) -> int:
    """The tenth of a second of the sample that some decoded sound is from: its loudest note."""
    loudness = []
    for note in range(NOTES):
        turn = 2 * math.pi * (_LOWEST_HZ + note * _STEP_HZ) / rate_hz
        real = sum(value * math.cos(turn * at) for at, value in enumerate(samples))
        imaginary = sum(value * math.sin(turn * at) for at, value in enumerate(samples))
        loudness.append(math.hypot(real, imaginary))
    return loudness.index(max(loudness))


@cache
def aac(*, adts: bool = False) -> Track:
    """AAC-LC, 48 kHz, one access unit a packet (RFC 3640 §3.3.6).

    `adts` leaves the ADTS head before each access unit, as the RFC does not allow it.
    """
    file = (FOLDER / "aac-48000-mono.aac").read_bytes()
    units = tuple(
        Unit(number, 1_024, (b"\x00\x10" + (len(unit) << 3).to_bytes(2, "big") + unit,))
        for number, unit in enumerate(_access_units(file, 0 if adts else _ADTS_BYTES))
    )
    return Track(
        media="audio",
        payload_type=97,
        encoding="MPEG4-GENERIC/48000/1",
        clock_hz=48_000,
        units=units,
        fmtp="streamtype=5;profile-level-id=1;mode=AAC-hbr;config=1188;"
        "sizelength=13;indexlength=3;indexdeltalength=3",
    )


@cache
def opus() -> Track:
    """Opus, 20 ms a packet (RFC 7587 §4); the file has two bytes of length before each."""
    packets = _behind_lengths((FOLDER / "opus-48000-mono.packets").read_bytes())
    units = tuple(Unit(number, 960, (packet,)) for number, packet in enumerate(packets))
    return Track("audio", 111, "opus/48000/2", 48_000, units, marker=False)


@cache
def pcma() -> Track:
    """G.711 A-law, 20 ms a packet (RFC 3551 §4.5.14)."""
    return _g711("alaw-8000-mono.al", 8, "PCMA/8000")


@cache
def pcmu() -> Track:
    """G.711 mu-law, 20 ms a packet."""
    return _g711("mulaw-8000-mono.ul", 0, "PCMU/8000")


def _pictures(nals: list[bytes], ticks: int, payload_bytes: int, joined: bool) -> Iterator[Unit]:
    picture: list[bytes] = []
    number = 0
    for nal in nals:
        picture.append(nal)
        kind = nal[0] & 31
        # The sample has one slice a picture; parameter sets go before the picture they are for.
        if kind not in (_NAL_SPS, _NAL_PPS):
            cut = (part for each in picture for part in fragments(each, payload_bytes))
            payloads = (b"\0\0\0\1".join(picture),) if joined else tuple(cut)
            yield Unit(number, ticks, payloads, key=kind == _NAL_IDR)
            picture = []
            number += 1


def fragments(nal: bytes, payload_bytes: int = RTP_PAYLOAD_BYTES) -> list[bytes]:
    """The NAL unit, or its FU-A fragments where it is too long for one packet."""
    if len(nal) <= payload_bytes:
        return [nal]
    step = payload_bytes - 2
    parts = [nal[at : at + step] for at in range(1, len(nal), step)]
    last = len(parts) - 1
    return [
        bytes((nal[0] & 0xE0 | 28, (index == 0) << 7 | (index == last) << 6 | nal[0] & 31)) + part
        for index, part in enumerate(parts)
    ]


def _access_units(adts: bytes, skipped: int) -> Iterator[bytes]:
    at = 0
    while at < len(adts):
        length = (adts[at + 3] & 3) << 11 | adts[at + 4] << 3 | adts[at + 5] >> 5
        yield adts[at + skipped : at + length]
        at += length


def _g711(name: str, payload_type: int, encoding: str) -> Track:
    samples = (FOLDER / name).read_bytes()
    parts = [samples[at : at + 160] for at in range(0, len(samples), 160)]
    units = tuple(Unit(number, 160, (part,)) for number, part in enumerate(parts))
    return Track("audio", payload_type, encoding, 8_000, units, marker=False)


def _behind_lengths(file: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(file):
        end = at + 2 + int.from_bytes(file[at : at + 2], "big")
        yield file[at + 2 : end]
        at = end


def _h265_kind(nal: bytes) -> int:
    return nal[0] >> 1 & 63


def _h265_fragments(nal: bytes, payload_bytes: int) -> list[bytes]:
    if len(nal) <= payload_bytes:
        return [nal]
    step = payload_bytes - 3
    parts = [nal[at : at + step] for at in range(2, len(nal), step)]
    last = len(parts) - 1
    head = bytes((nal[0] & 0x81 | _H265_FRAGMENT << 1, nal[1]))
    return [
        head + bytes(((index == 0) << 7 | (index == last) << 6 | _h265_kind(nal),)) + part
        for index, part in enumerate(parts)
    ]


def _jpeg_payloads(file: bytes, payload_bytes: int) -> Iterator[bytes]:
    """Cut a baseline JPEG file of 4:2:0 (type 1), tables in the first packet (RFC 2435 §3.1)."""
    tables, restart = b"", b""
    at = 2
    while file[at + 1] != _JPEG_SCAN:
        length = int.from_bytes(file[at + 2 : at + 4], "big")
        content = file[at + 4 : at + 2 + length]
        if file[at + 1] == _JPEG_TABLES:
            tables += b"".join(content[n + 1 : n + 65] for n in range(0, len(content), 65))
        elif file[at + 1] == _JPEG_RESTART:
            # §3.1.7: types from 64 on have a header of their own, here for whole pictures.
            restart = content + b"\xff\xff"
        at += 2 + length
    scan = file[at + 2 + int.from_bytes(file[at + 2 : at + 4], "big") :].removesuffix(b"\xff\xd9")
    # One table serves all components where the file has one only; receivers expect two.
    tables = tables if len(tables) == 128 else tables * 2
    kinds = bytes((65 if restart else 1, 255, WIDTH // 8, HEIGHT // 8)) + restart
    offset = 0
    while offset < len(scan):
        head = b"\0" + offset.to_bytes(3, "big") + kinds
        head += b"" if offset else b"\0\0" + len(tables).to_bytes(2, "big") + tables
        part = scan[offset : offset + payload_bytes - len(head)]
        yield head + part
        offset += len(part)


SOUND_CODECS: Mapping[str, Callable[[], Track]] = {
    "aac": aac,
    "opus": opus,
    "pcma": pcma,
    "pcmu": pcmu,
}
"""The sounds by their names."""
PICTURE_CODECS: Mapping[str, Callable[[int], Track]] = {"h264": h264, "h265": h265, "mjpeg": mjpeg}
"""The pictures by their names; each takes the number of pictures a second."""
