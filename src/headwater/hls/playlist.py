"""Playlists: RFC 8216, and its second edition (draft-pantos-hls-rfc8216bis) for low latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from headwater.hls.segments import Segment

PARTS_OF: Final = 3
"""Parts are listed of so many of the newest segments."""
_HOLD_BACK_PARTS: Final = 3
_ROUNDING_S: Final = 0.001
_SKIP_TARGETS: Final = 6
"""§4.4.3.8: CAN-SKIP-UNTIL is at least six target durations."""


def main_playlist(codecs: str, size: tuple[int, int], bits_per_s: int, uri: str) -> str:
    """Return the playlist that names the codecs and leads to the one that lists segments."""
    shape = f",RESOLUTION={size[0]}x{size[1]}" if all(size) else ""
    return (
        "#EXTM3U\n#EXT-X-VERSION:9\n"
        f'#EXT-X-STREAM-INF:BANDWIDTH={bits_per_s},CODECS="{codecs}"{shape}\n{uri}\n'
    )


def media_playlist(
    segments: Sequence[Segment],
    *,
    target_s: int,
    part_target_s: float,
    discontinuities: int,
    ended: bool,
    skips: bool = False,
) -> str:
    """Return the playlist of these segments, of which the last one may still grow.

    Args:
        segments: in order, at least one.
        target_s: the target duration.
        part_target_s: the part target.
        discontinuities: how many there were in front of the first segment.
        ended: whether nothing more will come.
        skips: leave out what the player has (a delta update), where that is anything.
    """
    skip_until_s = _SKIP_TARGETS * target_s
    hold_back_s = _HOLD_BACK_PARTS * part_target_s
    control = f"CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={hold_back_s:.3f},CAN-SKIP-UNTIL={skip_until_s}"
    lines = [
        "#EXTM3U",
        f"#EXT-X-TARGETDURATION:{target_s}",
        "#EXT-X-VERSION:9",
        f"#EXT-X-SERVER-CONTROL:{control}",
        f"#EXT-X-PART-INF:PART-TARGET={part_target_s:.3f}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].number}",
    ]
    if discontinuities:
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}")
    skipped = _skippable(segments, skip_until_s) if skips else 0
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    init = -1
    for place, segment in enumerate(segments):
        is_new_init, init = segment.init != init, segment.init
        if place < skipped:
            continue
        if segment.discontinuity and place:
            lines.append("#EXT-X-DISCONTINUITY")
        if is_new_init:
            lines.append(f'#EXT-X-MAP:URI="init{init}.mp4"')
        lines += _of_segment(segment, with_parts=place >= len(segments) - PARTS_OF)
    if ended:
        lines.append("#EXT-X-ENDLIST")
    else:
        number, part = next_part(segments)
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part{number}.{part}.mp4"')
    return "\n".join(lines) + "\n"


def next_part(segments: Sequence[Segment]) -> tuple[int, int]:
    """Return the segment's number and the place in it of the part that comes next."""
    last = segments[-1]
    return (last.number + 1, 0) if last.whole else (last.number, len(last.parts))


def _of_segment(segment: Segment, *, with_parts: bool) -> list[str]:
    begins = datetime.fromtimestamp(segment.begins_unix_s, UTC)
    lines = [f"#EXT-X-PROGRAM-DATE-TIME:{begins.isoformat(timespec='milliseconds')[:-6]}Z"]
    if with_parts:
        lines += [
            f'#EXT-X-PART:DURATION={part.duration_s:.5f},URI="part{segment.number}.{place}.mp4"'
            + (",INDEPENDENT=YES" if part.independent else "")
            for place, part in enumerate(segment.parts)
        ]
    if segment.whole:
        lines += [f"#EXTINF:{segment.duration_s:.5f},", f"segment{segment.number}.mp4"]
    elif not segment.parts:
        return []
    return lines


def _skippable(segments: Sequence[Segment], skip_until_s: float) -> int:
    """Return how many of the oldest segments lie further back than the skip boundary."""
    left_s = sum(segment.duration_s for segment in segments)
    count = 0
    for segment in segments:
        left_s -= segment.duration_s
        if left_s < skip_until_s + _ROUNDING_S or not segment.whole:
            break
        count += 1
    return count


def advance_limit(part_target_s: float) -> int:
    """Return how many parts ahead a player may ask for (§6.2.5.2)."""
    return math.ceil(_HOLD_BACK_PARTS / part_target_s) if part_target_s < 1 else _HOLD_BACK_PARTS
