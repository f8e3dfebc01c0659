"""Publish a file with PyAV: `pyav_publish.py URL udp|tcp FILE`."""

from __future__ import annotations

import sys
import time

import av


def main(url: str, transport: str, path: str) -> None:
    """Send every packet of the file to the server at the pace of its timestamps."""
    with (
        av.open(path) as source,
        av.open(url, "w", format="rtsp", options={"rtsp_transport": transport}) as sink,
    ):
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
        started_s = time.monotonic()
        for packet in source.demux():
            if packet.dts is None:
                continue
            due_s = started_s + float(packet.dts * packet.time_base)
            time.sleep(max(0.0, due_s - time.monotonic()))
            packet.stream = streams[packet.stream.index]
            sink.mux_one(packet)


if __name__ == "__main__":
    main(*sys.argv[1:])
