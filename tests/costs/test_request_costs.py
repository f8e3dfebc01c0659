"""What a session and a chunk of frames cost, counted."""

from __future__ import annotations

import logging
import struct

import pytest
from data_plane import DataPlane, MakePlane
from meter import CallMeter, opcodes
from test_batch_costs import NEWER_PYTHON

from headwater.log_pace import EVENTS
from headwater.net.tcp_options import INHERITED
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.message import InterleavedFrames

CHUNK_BYTES = 65_536
PACKET_BYTES = 1200


# By the way, for the only reader and for one beside others, which shares what they have opened:
# calls of Python, calls of functions in C, instructions, at most.
SESSIONS = {
    ("udp", "alone"): (454, 296, 10_940),  # 451, 293, 10,888
    ("udp", "beside others"): (384, 264, 9_650),  # 380, 260, 9,592
    ("tcp", "alone"): (390, 255, 9_600),  # 386, 251, 9,545
    ("tcp", "beside others"): (382, 255, 9_440),  # 378, 251, 9,384
}

sessions = pytest.mark.parametrize(("way", "company"), SESSIONS)


def plane_for(data_plane: MakePlane, company: str) -> DataPlane:
    others = int(company != "alone")
    return data_plane(udp_readers=others, tcp_readers=others)


@sessions
def test_a_session_costs_its_requests(data_plane: MakePlane, way: str, company: str) -> None:
    most_python, most_c, _ = SESSIONS[way, company]
    plane = plane_for(data_plane, company)
    meters: list[CallMeter] = []
    for _ in range(6):
        meters.append(CallMeter())

        def serve(meter: CallMeter = meters[-1]) -> None:
            with meter:
                plane.turn_once()

        plane.whole_session(serve, over_tcp=way == "tcp")
    least = min(meters, key=lambda meter: meter.python_calls)
    # Nothing waits for anything.
    assert "BaseEventLoop.create_task" not in least.python
    # The four requests and the end of the connection, read; four answers, each one send.
    assert least.system["recv_into"] == 5
    assert least.system["send"] == 4
    # Where the peer connected to. The loop describes no socket: that would ask for both addresses.
    assert least.system["getsockname"] == 1
    assert least.system["getpeername"] == 0
    # How much may wait unsent, the rest comes from the port; and the send buffer of a pair.
    opens_ports = way == "udp" and company == "alone"
    assert least.system["setsockopt"] == 1 + 2 * (not INHERITED) + opens_ports
    assert least.python_calls <= most_python
    assert least.c.total() <= most_c


@sessions
def test_a_session_costs_few_instructions(data_plane: MakePlane, way: str, company: str) -> None:
    plane = plane_for(data_plane, company)
    counts: list[int] = []
    for _ in range(4):
        counts.append(0)

        def serve() -> None:
            counts[-1] += opcodes(plane.turn_once)

        plane.whole_session(serve, over_tcp=way == "tcp")
    assert min(counts) <= SESSIONS[way, company][2] * NEWER_PYTHON


# The same of each of very many that come at once, most of whose requests wait for their turn, while
# what is logged of them is more than is written: calls of Python, and instructions, at most.
CROWD = 40
CROWDED = {"udp": (450, 11_500), "tcp": (450, 11_250)}  # 431, 10,960; 431, 10,800


@pytest.mark.parametrize("way", CROWDED)
def test_sessions_of_a_crowd_cost_hardly_more(
    data_plane: MakePlane, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    most_python, most_instructions = CROWDED[way]
    plane = plane_for(data_plane, "beside others")
    over_tcp = way == "tcp"
    for _ in range(1 + EVENTS.at_once // CROWD):
        plane.sessions_at_once(CROWD, plane.turn_once, over_tcp=over_tcp)
    meters: list[CallMeter] = []
    counts: list[int] = []
    for _ in range(3):
        meters.append(CallMeter())
        counts.append(0)

        def metered(meter: CallMeter = meters[-1]) -> None:
            with meter:
                plane.turn_once()

        def counted() -> None:
            counts[-1] += opcodes(plane.turn_once)

        plane.sessions_at_once(CROWD, metered, over_tcp=over_tcp)
        plane.sessions_at_once(CROWD, counted, over_tcp=over_tcp)
    least = min(meters, key=lambda meter: meter.python_calls)
    # What waits for its turn needs no task for that, and a line that is left out no record.
    assert "BaseEventLoop.create_task" not in least.python
    assert least.python["Logger.info"] <= CROWD // 2
    assert least.python_calls <= most_python * CROWD
    assert min(counts) <= most_instructions * CROWD * NEWER_PYTHON


@pytest.mark.parametrize("channels", [1, 2])
def test_a_chunk_of_frames_costs_the_parser_few_calls(channels: int) -> None:
    frame = struct.pack(">cBH", b"$", 0, PACKET_BYTES) + bytes(PACKET_BYTES)
    other = b"$" + bytes([channels - 1]) + frame[2:]
    stream = (frame + other) * (4 * CHUNK_BYTES // len(frame))
    chunks = [stream[at : at + CHUNK_BYTES] for at in range(0, 4 * CHUNK_BYTES, CHUNK_BYTES)]
    packets: list[int] = []

    def walk(parser: WireParser, data: bytes) -> None:
        parser.receive_data(data)
        while event := parser.next_event():
            assert isinstance(event, InterleavedFrames)
            packets.append(sum(map(len, event.by_channel.values())))

    parser = WireParser()
    walk(parser, chunks[0])
    packets.clear()
    with CallMeter() as meter:
        walk(parser, chunks[1])
    frames = packets[0]
    assert frames >= CHUNK_BYTES // len(frame)
    # receive_data, next_event and _frames, twice: the second finds the frame that is cut.
    assert meter.python_calls <= 8
    per_frame_calls = 1 if channels == 1 else 2  # a channel that changes is looked up
    assert meter.c.total() <= per_frame_calls * frames + 12
    instructions = opcodes(lambda: walk(parser, chunks[2]))
    assert instructions / frames <= (50 if channels == 1 else 85) * NEWER_PYTHON  # 47, 81
