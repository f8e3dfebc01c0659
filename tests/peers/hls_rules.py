"""A reader of playlists that believes nothing: what RFC 8216 and its second edition ask of each,
and of one after another. It knows nothing of the writer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)')
_ONCE = {
    "EXTM3U",
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-SKIP",
    "EXT-X-ENDLIST",
}


@dataclass
class ReadPart:
    """An EXT-X-PART."""

    uri: str
    duration_s: float
    independent: bool


@dataclass
class ReadSegment:
    """A segment, or the parts of one that is not whole yet (without a `uri`)."""

    number: int
    uri: str = ""
    duration_s: float = 0.0
    init: str = ""
    date: datetime | None = None
    discontinuity: bool = False
    parts: list[ReadPart] = field(default_factory=list)


@dataclass
class ReadPlaylist:
    """A media playlist."""

    target_s: int = 0
    version: int = 0
    first: int = 0
    discontinuities: int = 0
    skipped: int = 0
    part_target_s: float = 0.0
    hold_back_s: float = 0.0
    skip_until_s: float = 0.0
    blocks: bool = False
    ended: bool = False
    hint: str = ""
    segments: list[ReadSegment] = field(default_factory=list)

    @property
    def whole(self) -> list[ReadSegment]:
        """Segments that are whole."""
        return [segment for segment in self.segments if segment.uri]

    def position(self) -> tuple[int, int]:
        """The segment and part that come next."""
        last = self.segments[-1]
        return (last.number + 1, 0) if last.uri else (last.number, len(last.parts))


def attributes(text: str) -> dict[str, str]:
    """An attribute list (§4.2)."""
    found = _ATTRIBUTE.findall(text)
    assert ",".join(f"{name}={value}" for name, value in found) == text, text
    names = [name for name, _ in found]
    assert len(names) == len(set(names)), text
    return {name: value.strip('"') for name, value in found}


class _Reading:
    """A playlist that is being read, with a method for each tag that holds something."""

    def __init__(self) -> None:
        self.playlist = ReadPlaylist()
        self.waiting = ReadSegment(0)
        self.init = ""
        self.has_duration = False

    def uri(self, line: str) -> None:
        assert self.has_duration, "§4.4.4.1: EXTINF stands in front of each segment"
        self.waiting.uri, self.waiting.init, self.has_duration = line, self.init, False
        self.playlist.segments.append(self.waiting)
        self.waiting = ReadSegment(0)

    def end(self) -> None:
        if self.waiting.parts:
            self.waiting.init = self.init
            self.playlist.segments.append(self.waiting)

    def version(self, value: str) -> None:
        self.playlist.version = int(value)

    def target(self, value: str) -> None:
        self.playlist.target_s = int(value)

    def first(self, value: str) -> None:
        assert not self.playlist.segments, "§4.4.3.2: it stands before the first segment"
        self.playlist.first = int(value)

    def discontinuities(self, value: str) -> None:
        assert not self.playlist.segments, "§4.4.3.3: it stands before the first segment"
        self.playlist.discontinuities = int(value)

    def control(self, value: str) -> None:
        told = attributes(value)
        self.playlist.blocks = told.get("CAN-BLOCK-RELOAD") == "YES"
        self.playlist.hold_back_s = float(told["PART-HOLD-BACK"])
        self.playlist.skip_until_s = float(told["CAN-SKIP-UNTIL"])

    def part_target(self, value: str) -> None:
        self.playlist.part_target_s = float(attributes(value)["PART-TARGET"])

    def skip(self, value: str) -> None:
        self.playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])

    def map(self, value: str) -> None:
        self.init = attributes(value)["URI"]

    def discontinuity(self, _value: str) -> None:
        self.waiting.discontinuity = True

    def date(self, value: str) -> None:
        self.waiting.date = datetime.fromisoformat(value)

    def part(self, value: str) -> None:
        told = attributes(value)
        independent = told.get("INDEPENDENT") == "YES"
        self.waiting.parts.append(ReadPart(told["URI"], float(told["DURATION"]), independent))

    def duration(self, value: str) -> None:
        self.waiting.duration_s = float(value.rstrip(","))
        self.has_duration = True

    def hint(self, value: str) -> None:
        told = attributes(value)
        assert told["TYPE"] == "PART"
        self.playlist.hint = told["URI"]

    def ended(self, _value: str) -> None:
        self.playlist.ended = True


_TAGS: dict[str, Callable[[_Reading, str], None]] = {
    "EXTM3U": lambda _reading, _value: None,
    "EXT-X-VERSION": _Reading.version,
    "EXT-X-TARGETDURATION": _Reading.target,
    "EXT-X-MEDIA-SEQUENCE": _Reading.first,
    "EXT-X-DISCONTINUITY-SEQUENCE": _Reading.discontinuities,
    "EXT-X-SERVER-CONTROL": _Reading.control,
    "EXT-X-PART-INF": _Reading.part_target,
    "EXT-X-SKIP": _Reading.skip,
    "EXT-X-MAP": _Reading.map,
    "EXT-X-DISCONTINUITY": _Reading.discontinuity,
    "EXT-X-PROGRAM-DATE-TIME": _Reading.date,
    "EXT-X-PART": _Reading.part,
    "EXTINF": _Reading.duration,
    "EXT-X-PRELOAD-HINT": _Reading.hint,
    "EXT-X-ENDLIST": _Reading.ended,
}


def read(text: str) -> ReadPlaylist:
    """Read a media playlist, and hold it to what it must be by itself."""
    assert text.endswith("\n")
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U", "§4.4.1.1: EXTM3U is the first line"
    reading = _Reading()
    seen: list[str] = []
    for line in lines:
        if line and not line.startswith("#"):
            reading.uri(line)
            continue
        name, _, value = line[1:].partition(":")
        assert name in _TAGS, f"an unknown tag: {line}"
        seen.append(name)
        _TAGS[name](reading, value)
    reading.end()
    for name in _ONCE:
        assert seen.count(name) <= 1, name
    playlist = reading.playlist
    number = playlist.first + playlist.skipped
    for place, segment in enumerate(playlist.segments):
        segment.number = number + place
    check(playlist)
    return playlist


def check(playlist: ReadPlaylist) -> None:
    """Hold a playlist to the rules for its numbers."""
    assert playlist.target_s > 0, "§4.4.3.1: EXT-X-TARGETDURATION is required"
    assert playlist.version >= 6, "§8: EXT-X-MAP wants version 6"
    if playlist.skipped:
        assert playlist.version >= 9, "§8: EXT-X-SKIP wants version 9"
    assert playlist.blocks
    assert playlist.hold_back_s >= 2 * playlist.part_target_s, "§4.4.3.8: at least twice"
    assert playlist.skip_until_s >= 6 * playlist.target_s, "§4.4.3.8: six target durations"
    uris = [segment.uri for segment in playlist.whole]
    assert len(set(uris)) == len(uris)
    for segment in playlist.segments:
        assert segment.init or playlist.skipped, "each segment has an EXT-X-MAP in front of it"
        if segment.uri:
            assert round(segment.duration_s) <= playlist.target_s, "§4.4.3.1"
        if segment.uri and segment.parts:
            total_s = sum(part.duration_s for part in segment.parts)
            assert abs(total_s - segment.duration_s) < 0.001, "parts are the whole segment"
        for place, part in enumerate(segment.parts):
            assert part.duration_s <= playlist.part_target_s + 1e-6, "§4.4.4.9"
            if not (segment.uri and place == len(segment.parts) - 1):
                assert part.duration_s >= 0.85 * playlist.part_target_s, "§4.4.3.7: 85 %"
    assert bool(playlist.hint) != playlist.ended
    listed = {part.uri for segment in playlist.segments for part in segment.parts}
    assert playlist.hint not in listed, "what is hinted at is not listed yet"


def check_pair(before: ReadPlaylist, after: ReadPlaylist) -> None:
    """Hold a playlist to what an earlier one has promised (§6.2.1, §6.2.2)."""
    assert after.target_s == before.target_s, "the target duration does not change"
    assert after.part_target_s == before.part_target_s
    assert after.first >= before.first
    assert after.position() >= before.position(), "nothing is taken back at the end"
    known = {segment.number: segment for segment in after.segments}
    for segment in before.segments:
        later = known.get(segment.number)
        if later is None:
            continue
        if segment.uri:
            assert (later.uri, later.duration_s) == (segment.uri, segment.duration_s)
            assert later.init == segment.init or after.skipped
        assert later.date == segment.date
        if later.parts:
            assert later.parts[: len(segment.parts)] == segment.parts
    if before.hint and before.position() < after.position():
        listed = {part.uri for segment in after.segments for part in segment.parts}
        number = before.position()[0]
        if number in known and known[number].parts:
            assert before.hint in listed, "the part that was hinted at came"
    gone = [one for one in before.segments if one.number < after.first]
    if gone:
        left_s = sum(segment.duration_s for segment in after.whole)
        assert left_s >= 3 * after.target_s or after.skipped, "§6.2.2"
        assert after.discontinuities >= before.discontinuities
