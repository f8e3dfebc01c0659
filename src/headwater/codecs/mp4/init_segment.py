"""The initialisation segment: tracks and how they are decoded, without a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from headwater.codecs.mp4.boxes import box, full_box
from headwater.codecs.mp4.sample_entry import SampleEntry

_MATRIX = Struct(">9I").pack(1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_MOVIE_TIMESCALE = 1_000
_MOVIE = Struct(">8xIIIH10x36s24xI")
_TRACK = Struct(">8xI8x8xhhH2x36sII")
_MEDIA = Struct(">8xIIHH")
_UNDETERMINED = 0x55C4
"""The language `und`, five bits a letter."""
_TRACK_ENABLED_IN_MOVIE = 0x3
_IN_SAME_FILE = 0x1
_BRANDS = b"iso6" + bytes(4) + b"iso5iso6mp41"
"""`iso5` and `iso6` have places in fragments that count from the fragment, and times of 64 bits."""


@dataclass(frozen=True, slots=True)
class InitTrack:
    """One track of an initialisation segment."""

    track_id: int
    timescale: int
    """Units of its times per second: the RTP clock rate."""
    entry: SampleEntry


def init_segment(tracks: Sequence[InitTrack]) -> bytes:
    """Return `ftyp` and `moov` (ISO/IEC 14496-12 §8.2) for these tracks."""
    last = max(track.track_id for track in tracks)
    movie = _MOVIE.pack(_MOVIE_TIMESCALE, 0, 1 << 16, 1 << 8, _MATRIX, last + 1)
    extends = (full_box(b"trex", 0, 0, _extends(track)) for track in tracks)
    return box(b"ftyp", _BRANDS) + box(
        b"moov",
        full_box(b"mvhd", 0, 0, movie),
        *map(_track, tracks),
        box(b"mvex", *extends),
    )


def mime_type(tracks: Sequence[InitTrack]) -> str:
    """Return the MIME type with the codecs, as `addSourceBuffer` wants it."""
    kind = "video" if any(track.entry.is_picture for track in tracks) else "audio"
    return f'{kind}/mp4; codecs="{",".join(track.entry.name for track in tracks)}"'


def _extends(track: InitTrack) -> bytes:
    """Every fragment says all of its samples; the first entry describes them."""
    return Struct(">IIIII").pack(track.track_id, 1, 0, 0, 0)


def _track(track: InitTrack) -> bytes:
    entry = track.entry
    volume = 0 if entry.is_picture else 1 << 8
    size = entry.width << 16, entry.height << 16
    header = _TRACK.pack(track.track_id, 0, 0, volume, _MATRIX, *size)
    media = _MEDIA.pack(track.timescale, 0, _UNDETERMINED, 0)
    kind, name, about = (
        (b"vide", b"picture\0", full_box(b"vmhd", 0, 1, bytes(8)))
        if entry.is_picture
        else (b"soun", b"sound\0", full_box(b"smhd", 0, 0, bytes(4)))
    )
    place = full_box(b"dref", 0, 0, _count(1), full_box(b"url ", 0, _IN_SAME_FILE))
    table = (
        full_box(b"stsd", 0, 0, _count(1), entry.box),
        full_box(b"stts", 0, 0, _count(0)),
        full_box(b"stsc", 0, 0, _count(0)),
        full_box(b"stsz", 0, 0, _count(0), _count(0)),
        full_box(b"stco", 0, 0, _count(0)),
    )
    return box(
        b"trak",
        full_box(b"tkhd", 0, _TRACK_ENABLED_IN_MOVIE, header),
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, media),
            full_box(b"hdlr", 0, 0, bytes(4), kind, bytes(12), name),
            box(b"minf", about, box(b"dinf", place), box(b"stbl", *table)),
        ),
    )


def _count(number: int) -> bytes:
    return number.to_bytes(4, "big")
