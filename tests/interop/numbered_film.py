"""A film whose pictures tell their number in black and white, and a program that publishes it."""

from __future__ import annotations

import asyncio
import subprocess
from asyncio.subprocess import Process
from pathlib import Path

WIDTH, HEIGHT, FRAMES_PER_S, FRAMES = 320, 176, 25, 250
BITS = 8
"""Columns, from the left the lowest bit first: white for 1."""
_DRAWN = f"if(mod(floor(N/pow(2,floor(X*{BITS}/W))),2),235,16)"

VIDEO = {
    "h264": "-c:v libx264 -preset veryfast -tune zerolatency -g 25 -pix_fmt yuv420p",
    "h264-b": "-c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p",
    "vp8": "-c:v libvpx -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 25 -b:v 600k",
}
AUDIO = {
    "opus": "-c:a libopus -b:a 48k",
    "aac": "-c:a aac -b:a 64k",
    "pcmu": "-c:a pcm_mulaw -ar 8000 -ac 1",
}


def film(folder: Path, video: str, audio: str) -> Path:
    """Encode it once: ten seconds with a tone."""
    path = folder / f"{video}-{audio}.mkv"
    if not path.exists():
        picture = f"color=black:size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_S}"
        command = (
            f"ffmpeg -nostdin -v error -y -f lavfi -i {picture} "
            "-f lavfi -i sine=frequency=440:sample_rate=48000"
        ).split()
        command += ["-vf", f"geq=lum='{_DRAWN}':cb=128:cr=128"]
        command += f"{VIDEO[video]} {AUDIO[audio]} -t {FRAMES // FRAMES_PER_S} {path}".split()
        subprocess.run(command, check=True, timeout=60)
    return path


async def publish(path: Path, url: str) -> Process:
    """Publish it in real time, over and over, without encoding anything."""
    return await asyncio.create_subprocess_exec(
        *["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"],
        str(path),
        *["-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp"],
        url,
    )


async def end(process: Process) -> None:
    """End a program that `publish` started."""
    if process.returncode is None:
        process.terminate()
    await process.wait()
