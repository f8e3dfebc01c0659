"""A reader of fragmented MP4 that believes nothing: what it reads has to be so in every box.

It knows nothing of the writer, only ISO/IEC 14496-12: the tests and the fuzz target share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import unpack, unpack_from

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof", b"traf"}
EMPTY_TABLES = {b"stts": 8, b"stsc": 8, b"stsz": 12, b"stco": 8}
NOT_SYNC = 0x00010000


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its kind, where it begins, its content, and the boxes in it."""

    kind: bytes
    at: int
    size: int
    content: bytes
    inner: tuple[Box, ...] = ()

    def one(self, *kinds: bytes) -> Box:
        """The only box of this kind in it, and so on down."""
        found = self
        for kind in kinds:
            (found,) = [box for box in found.inner if box.kind == kind]
        return found

    def all(self, kind: bytes) -> list[Box]:
        """Every box of this kind in it."""
        return [box for box in self.inner if box.kind == kind]


@dataclass(frozen=True, slots=True)
class ReadSample:
    """One sample as the file has it."""

    content: bytes
    decode_time: int
    duration: int
    offset: int
    key_frame: bool


@dataclass(slots=True)
class ReadTrack:
    """One track of the file."""

    kind: bytes
    """`vide` or `soun`."""
    timescale: int
    entry: bytes
    """The sample entry's box, kind and all."""
    samples: list[ReadSample] = field(default_factory=list)


@dataclass(slots=True)
class ReadFile:
    """What a file says."""

    tracks: dict[int, ReadTrack]
    fragments: int = 0
    wall_clocks: list[tuple[int, int, int]] = field(default_factory=list)
    """Of `prft`: track, NTP time stamp, decode time."""


def boxes(content: bytes, start: int = 0) -> list[Box]:
    """Cut content into its boxes, which fill it to the last byte."""
    found = []
    at = 0
    while at < len(content):
        assert at + 8 <= len(content), "a box without room for its header"
        size, kind = unpack_from(">I4s", content, at)
        assert 8 <= size <= len(content) - at, f"{kind!r} of {size} bytes at {start + at}"
        inside = content[at + 8 : at + size]
        inner = tuple(boxes(inside, start + at + 8)) if kind in CONTAINERS else ()
        found.append(Box(kind, start + at, size, inside, inner))
        at += size
    return found


def read_init(segment: bytes) -> ReadFile:
    """Read an initialisation segment."""
    kinds, movie = boxes(segment)
    assert kinds.kind == b"ftyp"
    brands = [kinds.content[at : at + 4] for at in range(8, len(kinds.content), 4)]
    assert b"iso6" in brands
    assert movie.kind == b"moov"
    assert movie.inner[0].kind == b"mvhd"
    assert len(movie.inner[0].content) == 100
    next_track = unpack(">I", movie.inner[0].content[-4:])[0]
    tracks: dict[int, ReadTrack] = {}
    for track in movie.all(b"trak"):
        number, read = _track(track)
        assert 0 < number < next_track
        assert number not in tracks
        tracks[number] = read
    extended = [unpack(">IIIIII", box.content)[1:3] for box in movie.one(b"mvex").all(b"trex")]
    assert extended == [(number, 1) for number in tracks]
    return ReadFile(tracks)


def _track(track: Box) -> tuple[int, ReadTrack]:
    header = track.one(b"tkhd").content
    assert len(header) == 84
    assert header[3] & 1, "a track that is not enabled"
    number, volume = unpack_from(">I", header, 12)[0], unpack_from(">H", header, 36)[0]
    width, height = unpack_from(">II", header, 76)
    media = track.one(b"mdia")
    timescale = unpack_from(">I", media.one(b"mdhd").content, 12)[0]
    assert timescale > 0
    kind = media.one(b"hdlr").content[8:12]
    assert media.one(b"hdlr").content.endswith(b"\0")
    info = media.one(b"minf")
    assert info.inner[0].kind == {b"vide": b"vmhd", b"soun": b"smhd"}[kind]
    assert (width > 0 and height > 0 and volume == 0) is (kind == b"vide")
    references = info.one(b"dinf", b"dref").content
    (reference,) = boxes(references[8:])
    assert (reference.kind, reference.content) == (b"url ", b"\0\0\0\1")
    table = info.one(b"stbl")
    for name, size in EMPTY_TABLES.items():
        assert table.one(name).content == bytes(size), "samples outside of fragments"
    description = table.one(b"stsd").content
    assert description[:8] == b"\0\0\0\0\0\0\0\1"
    (entry,) = boxes(description[8:])
    assert entry.content[:8] == bytes(7) + b"\1"
    fixed = 78 if kind == b"vide" else 28
    assert boxes(entry.content[fixed:]), "an entry without its record"
    if kind == b"vide":
        assert unpack_from(">HH", entry.content, 24) == (width >> 16, height >> 16)
    return number, ReadTrack(kind, timescale, description[8:])


def read_fragments(file: ReadFile, content: bytes) -> None:
    """Read what follows an initialisation segment, and add it to what is known of the file."""
    waiting = boxes(content)
    while waiting:
        box = waiting.pop(0)
        if box.kind == b"prft":
            assert box.content[:4] == b"\1\0\0\0"
            file.wall_clocks.append(unpack(">IQQ", box.content[4:]))
            continue
        assert box.kind == b"moof", box.kind
        data = waiting.pop(0)
        assert data.kind == b"mdat"
        _read_fragment(file, box, data)


def _read_fragment(file: ReadFile, fragment: Box, data: Box) -> None:
    assert [box.kind for box in fragment.inner] == [b"mfhd", b"traf"]
    file.fragments += 1
    assert unpack(">II", fragment.inner[0].content) == (0, file.fragments)
    header, time, run = fragment.inner[1].inner
    assert (header.kind, time.kind, run.kind) == (b"tfhd", b"tfdt", b"trun")
    flags, number = unpack(">II", header.content)
    assert flags == 0x020000
    track = file.tracks[number]
    version, decode_time = unpack(">IQ", time.content)
    assert version == 1 << 24
    flags, count, at = unpack_from(">III", run.content)
    assert flags == 0x01000F01
    assert count > 0
    assert len(run.content) == 12 + 16 * count
    # The data begins where the run says, and is all that there is.
    assert at == fragment.size + 8
    place = 0
    for index in range(count):
        duration, size, flags, offset = unpack_from(">IIIi", run.content, 12 + 16 * index)
        assert size > 0
        assert duration > 0
        key_frame = not flags & NOT_SYNC
        assert flags == (0x02000000 if key_frame else 0x01010000)
        if track.samples:
            assert decode_time > track.samples[-1].decode_time
        part = data.content[place : place + size]
        assert len(part) == size
        track.samples.append(ReadSample(part, decode_time, duration, offset, key_frame))
        place += size
        decode_time += duration
    assert place == len(data.content)
