import pytest

from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.interleaved import (
    frame_interleaved,
    frame_run,
    run_in_frames,
)
from headwater.protocol.rtp import cut_run


@pytest.mark.parametrize(
    ("channel", "packets", "framed"),
    [
        (0, [], b""),
        (0, [b"ab"], b"$\x00\x00\x02ab"),
        (3, [b"ab", b"cd", b"e"], b"$\x03\x00\x02ab$\x03\x00\x02cd$\x03\x00\x01e"),
        (255, [b""], b"$\xff\x00\x00"),
        (1, [bytes(0x1234)], b"$\x01\x12\x34" + bytes(0x1234)),
        (1, [bytes(65_535)], b"$\x01\xff\xff" + bytes(65_535)),
    ],
)
def test_frame_interleaved(channel: int, packets: list[bytes], framed: bytes) -> None:
    assert frame_interleaved(channel, packets) == framed


@pytest.mark.parametrize(
    ("channel", "packets"), [(256, [b"a"]), (-1, []), (0, [b"a", bytes(65_536)])]
)
def test_what_does_not_fit_a_frame(channel: int, packets: list[bytes]) -> None:
    with pytest.raises(ProtocolError) as caught:
        frame_interleaved(channel, packets)
    assert caught.value.fault is Fault.LOCAL


@pytest.mark.parametrize("channel", [0, 255])
@pytest.mark.parametrize(
    ("run_bytes", "segment_bytes"),
    [(1, 1), (7, 9), (9, 9), (27, 9), (28, 9), (35, 9), (65_535, 65_535)],
)
def test_a_run_is_framed_as_its_packets_are(
    channel: int, run_bytes: int, segment_bytes: int
) -> None:
    run = bytes(number % 251 for number in range(run_bytes))
    framed = frame_interleaved(channel, cut_run(run, segment_bytes))
    assert frame_run(channel, run, segment_bytes) == framed


@pytest.mark.parametrize(("channel", "segment_bytes"), [(256, 4), (-1, 4), (0, 65_536)])
def test_a_run_that_does_not_fit_frames(channel: int, segment_bytes: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        frame_run(channel, bytes(12), segment_bytes)
    assert caught.value.fault is Fault.LOCAL


@pytest.mark.parametrize(
    ("run_bytes", "segment_bytes"), [(9, 9), (27, 9), (28, 9), (35, 9), (65_535, 65_535)]
)
def test_frames_of_one_size_are_a_run(run_bytes: int, segment_bytes: int) -> None:
    run = bytes(number % 251 for number in range(run_bytes))
    frames = frame_run(3, run, segment_bytes)
    assert run_in_frames(frames) == (run, segment_bytes)


@pytest.mark.parametrize(
    "frames",
    [
        b"",
        b"$\0\0",
        b"$\0\0\0",
        frame_interleaved(0, [b"", b""]),
        frame_interleaved(0, [bytes(9), bytes(9), b""]),
        frame_interleaved(0, [bytes(8), bytes(9)]),
        frame_interleaved(0, [bytes(9), bytes(8), bytes(9)]),
        frame_interleaved(0, [bytes(9)]) + frame_interleaved(1, [bytes(9)]),
        frame_interleaved(0, [bytes(9)]) + frame_interleaved(1, [bytes(8)]),
        frame_interleaved(0, [bytes(9)] * 3)[:-1],
        frame_interleaved(0, [bytes(9)] * 3) + b"$\0",
        frame_interleaved(0, [bytes(9)]) + b"#" + frame_interleaved(0, [bytes(9)])[1:],
        frame_interleaved(0, [bytes(9)]) + b"#" + frame_interleaved(0, [bytes(8)])[1:],
        b"#" + frame_interleaved(0, [bytes(9)])[1:],
    ],
)
def test_what_is_no_run_of_frames(frames: bytes) -> None:
    assert run_in_frames(frames) is None
