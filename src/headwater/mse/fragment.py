"""What viewers of a mount are sent: heads and fragments, as frames of WebSocket."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import NamedTuple

from headwater.codecs.mp4.init_segment import init_segment, mime_type
from headwater.feeds.mp4_stream import Mp4Head
from headwater.mse.frames import Opcode, frame


class Head:
    """What stands in front of fragments, for viewers of any of the tracks.

    Args:
        mp4: the tracks.
        begins_unix_s: the wall clock of the server at time 0 of the fragments: players tell by it
            how late they are.

    Attributes:
        has_pictures: whether one of its tracks has pictures.
    """

    def __init__(self, mp4: Mp4Head, begins_unix_s: float) -> None:
        self._begins_unix_s = begins_unix_s
        self.has_pictures = any(track.entry.is_picture for track in mp4.tracks)
        self._tracks = mp4.tracks
        self._messages: dict[frozenset[int], bytes] = {}

    def playable(self, families: Collection[str]) -> frozenset[int]:
        """Return the ids of the tracks that a browser can play.

        `families` are the codecs that it names, up to their first dot: `avc1`, `mp4a`, …
        """
        return frozenset(
            track.track_id
            for track in self._tracks
            if track.entry.name.partition(".")[0] in families
        )

    def has_picture_of(self, track_ids: Collection[int]) -> bool:
        """Return whether pictures are among these tracks."""
        return any(track.entry.is_picture for track in self._tracks if track.track_id in track_ids)

    @property
    def codecs(self) -> str:
        """The names of its codecs, for people."""
        return ", ".join(track.entry.name for track in self._tracks)

    def message(self, track_ids: frozenset[int]) -> bytes:
        """Return the MIME type and the initialisation segment, as two messages."""
        made = self._messages.get(track_ids)
        if made is None:
            tracks = [track for track in self._tracks if track.track_id in track_ids]
            told = {
                "type": "mse",
                "value": mime_type(tracks),
                "begins_unix_s": round(self._begins_unix_s, 4),
            }
            text = frame(Opcode.TEXT, json.dumps(told).encode())
            made = text + frame(Opcode.BINARY, init_segment(tracks))
            self._messages[track_ids] = made
        return made


class Fragment(NamedTuple):
    """One frame of picture or sound, made once for all viewers."""

    track_id: int
    message: bytes
    head: Head
    begins: bool
    """Whether a player can begin here: a key frame, or any frame where there are no pictures."""
    arrived_s: float
