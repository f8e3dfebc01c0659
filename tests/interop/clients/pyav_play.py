"""Play a URL with PyAV: `pyav_play.py URL udp|tcp FRAMES OUT.json`."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import av


def main(url: str, transport: str, frames: str, out: str) -> None:
    """Write the checksums of the decoded pictures and of the sound packets between them."""
    video: list[str] = []
    audio: list[str] = []
    audio_bytes = bytearray()
    with av.open(url, options={"rtsp_transport": transport}, timeout=15.0) as source:
        wanted = [*source.streams.video[:1], *source.streams.audio[:1]]
        for packet in source.demux(wanted):
            if packet.stream.type == "audio":
                audio.append(hashlib.md5(bytes(packet)).hexdigest())
                audio_bytes += bytes(packet)
                continue
            video += [
                hashlib.md5(picture.to_ndarray().tobytes()).hexdigest()
                for picture in packet.decode()
                if isinstance(picture, av.VideoFrame)
            ]
            if len(video) >= int(frames):
                break
    seen = {"video": video, "audio": audio, "audio_bytes": audio_bytes.hex()}
    Path(out).write_text(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
