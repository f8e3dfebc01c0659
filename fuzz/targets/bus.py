"""What one worker reads from another, cut anywhere, and what it writes itself."""

from __future__ import annotations

from fuzz.target import Target
from headwater.cluster.bus.frames import (
    MOST_FRAME_BYTES,
    BusError,
    BusParser,
    Frame,
    Kind,
    batch_frame,
    description_frame,
    description_of,
)


def run(data: bytes) -> None:
    whole = _frames_of([data])
    for cut in range(0, len(data) + 1, max(1, len(data) // 16)):
        assert _frames_of([data[:cut], data[cut:]]) == whole, cut
    for frame in whole[0]:
        if frame.kind is Kind.DESCRIPTION and not frame.packets:
            _describe(frame)
    _round_trip(data)


def _frames_of(pieces: list[bytes]) -> tuple[list[Frame], str]:
    parser = BusParser()
    got: list[Frame] = []
    try:
        for piece in pieces:
            got.extend(parser.feed(piece))
    except BusError as error:
        return _comparable(got), str(error)
    return _comparable(got), ""


def _comparable(frames: list[Frame]) -> list[Frame]:
    # Not a number is not equal to itself.
    return [
        frame
        if frame.arrived_s == frame.arrived_s
        else Frame(frame.kind, frame.track, frame.packets, frame.text, 0.0)
        for frame in frames
    ]


def _describe(frame: Frame) -> None:
    try:
        epoch, range_text, sdp = description_of(frame)
    except BusError:
        return
    again = next(BusParser().feed(description_frame(epoch, range_text, sdp)))
    assert description_of(again)[0] == epoch
    assert description_of(again)[2] == sdp


def _round_trip(data: bytes) -> None:
    packets = [packet for packet in data.split(b"\n") if packet]
    frame = batch_frame(Kind.RTP, len(data) % 256, packets, float(len(data)))
    assert len(frame) < MOST_FRAME_BYTES
    (got,) = BusParser().feed(frame)
    assert got.packets == packets
    assert got.track == len(data) % 256
    assert got.arrived_s == len(data)


TARGET = Target(
    invariant="frames come out as they went in; what is none is refused, wherever it is cut",
    run=run,
    words=(
        bytes((Kind.RTP, 0, 0, 1, 0, 0, 0, 6)) + bytes(8) + b"\x00\x04",
        bytes((Kind.DESCRIPTION, 0, 0, 0, 0, 0, 0, 4)) + bytes(8) + b"12 \n",
        b"\xff\xff\xff\xff",
        b"9" * 40,
    ),
    max_bytes=512,
)
