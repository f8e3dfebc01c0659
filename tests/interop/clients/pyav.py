"""PyAV: publisher and reader, each a short program of its own beside this file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from clients.client import AudioProof, FrameChecksums, Media, Program, Transport

PLAY_DEADLINE_S = 40.0


class PyAvPublisher:
    """Packets of `av.open(FILE)` muxed into `av.open(URL, "w", format="rtsp")`."""

    name = "PyAV"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests is one that PyAV can send."""
        return None

    def publish(self, url: str, transport: Transport, media: Media, workdir: Path) -> Program:
        """Publish the file's packets as they are, each when its time has come."""
        script = Path(__file__).with_name("pyav_publish.py")
        return Program(
            [sys.executable, str(script), url, transport.value, str(media.path)],
            workdir / "pyav-publisher.log",
        )


class PyAvReader:
    """`av.open(URL)`, pictures decoded, sound packets taken as they are."""

    name = "PyAV"

    def cannot(self, media: Media, transport: Transport) -> str | None:
        """Return None: every media of these tests is one that PyAV can play."""
        return None

    def play(
        self, url: str, transport: Transport, media: Media, frames: int, workdir: Path
    ) -> FrameChecksums:
        """Play until `frames` pictures are decoded."""
        script, out = Path(__file__).with_name("pyav_play.py"), workdir / "pyav.json"
        Program(
            [sys.executable, str(script), url, transport.value, str(frames), str(out)],
            workdir / "pyav-reader.log",
        ).finish(PLAY_DEADLINE_S)
        seen = json.loads(out.read_text())
        video = tuple(seen["video"])
        if media.recipe.audio_proof is AudioProof.BYTES:
            return FrameChecksums(video, audio_bytes=bytes.fromhex(seen["audio_bytes"]))
        return FrameChecksums(
            video, audio_packets=tuple(seen["audio"]) if media.recipe.audio else None
        )
