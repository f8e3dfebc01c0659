"""A publisher of its own: replays recorded RTP packets, over and over, at the pace they came.

The recording is an .rtpdump file (of rtptools, or of Wireshark: Telephony, RTP, Export), with the
description of its one track in an SDP file:

    python replay_rtpdump.py camera.rtpdump camera.sdp
    ffplay rtsp://127.0.0.1:5554/replay
"""

import asyncio
import sys
from pathlib import Path

from headwater import RtspServer


def recorded(path: Path) -> list[tuple[float, bytes]]:
    """Return the packets of a recording, each with its time in seconds since the beginning."""
    data = path.read_bytes()
    at = data.index(b"\n") + 1 + 16  # a line of text, then when and where it was recorded
    packets = []
    while at + 8 <= len(data):
        length, size = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        if size:  # 0 is RTCP
            packets.append(
                (int.from_bytes(data[at + 4 : at + 8]) / 1000, data[at + 8 : at + length])
            )
        at += length
    return packets


async def run(packets: list[tuple[float, bytes]], sdp: str) -> None:
    async with RtspServer(publish_port=5554) as server:
        while True:
            # A new publisher for each round: readers go on, the server continues the numbers.
            async with server.publish("/replay", sdp) as publisher:
                print("play from", server.play_url("/replay"))
                began = asyncio.get_running_loop().time()
                for time_s, packet in packets:
                    await asyncio.sleep(began + time_s - asyncio.get_running_loop().time())
                    publisher.publish(0, [packet])


if __name__ == "__main__":
    asyncio.run(run(recorded(Path(sys.argv[1])), Path(sys.argv[2]).read_text()))
