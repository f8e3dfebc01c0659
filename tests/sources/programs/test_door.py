"""The door of a program: one conversation, on a path that nobody else knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from rtsp_peer import SDP, SDP_VIDEO, Answer, RtspPeer, frame, rtp

from headwater.client.own_mount import OwnMount
from headwater.client.surroundings import Surroundings
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription
from headwater.sources.programs.door import Door
from headwater.sources.source import SourceError

SDP_TYPE = {"Content-Type": "application/sdp"}
TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}


class Behind:
    """What a door leads to: a mount, or a refusal."""

    def __init__(self) -> None:
        self.own = OwnMount(Surroundings.alone())
        self.refusal: Exception | None = None

    def begin(self, presentation: SessionDescription, feed: Feed) -> Sequence[Track]:
        if self.refusal is not None:
            raise self.refusal
        return self.own.open(presentation, feed).tracks

    @property
    def packets(self) -> int:
        return 0 if self.own.mount is None else self.own.mount.tracks[0].counters.packets


@pytest.fixture
async def behind() -> AsyncIterator[Behind]:
    behind = Behind()
    yield behind
    behind.own.close("done")


@pytest.fixture
async def door(behind: Behind) -> AsyncIterator[Door]:
    with Door(Surroundings.alone(), behind.begin) as door:
        yield door
    RtspPeer.forget_all()


async def peer_of(door: Door) -> RtspPeer:
    return await RtspPeer.connect(int(door.url.partition("127.0.0.1:")[2].partition("/")[0]))


async def set_up(door: Door, sdp: bytes = SDP_VIDEO, control: str = "/streamid=0") -> RtspPeer:
    """A program that has announced, and set up one track."""
    peer = await peer_of(door)
    assert (await peer.ask("ANNOUNCE", door.url, SDP_TYPE, sdp)).status == 200
    assert (await peer.ask("SETUP", f"{door.url}{control}", TCP)).status == 200
    return peer


async def recorded(door: Door) -> tuple[RtspPeer, Answer]:
    """A program that has come as far as RECORD, and the answer to that."""
    peer = await peer_of(door)
    assert (await peer.ask("OPTIONS", door.url)).status == 200
    announced = await peer.ask("ANNOUNCE", door.url, SDP_TYPE, SDP_VIDEO)
    assert announced.status == 200, announced
    setup = await peer.ask("SETUP", f"{door.url}/streamid=0", TCP)
    assert setup.status == 200, setup
    return peer, await peer.ask("RECORD", door.url, {"Session": setup.session})


async def test_packets_behind_record_reach_the_mount(door: Door, behind: Behind) -> None:
    peer, answer = await recorded(door)
    assert answer.status == 200
    assert door.recording.is_set()
    await peer.send(b"".join(frame(0, rtp(number)) for number in range(20)))
    assert (await peer.ask("GET_PARAMETER", door.url)).status == 200
    assert behind.packets == 20
    assert (await peer.ask("TEARDOWN", door.url)).status == 200
    assert (await door.ended).message == "it has ended its stream"


async def test_a_program_that_goes_without_a_word_has_ended(door: Door) -> None:
    peer, _ = await recorded(door)
    await peer.close()
    assert (await door.ended).message.startswith("it has closed its connection")


async def test_others_do_not_know_the_path(door: Door) -> None:
    peer = await peer_of(door)
    root = door.url.rpartition("/")[0]
    answer = await peer.ask("ANNOUNCE", f"{root}/cam", SDP_TYPE, SDP_VIDEO)
    assert answer.status == 404
    assert not door.ended.done()


async def test_a_second_one_is_refused(door: Door) -> None:
    await recorded(door)
    _, answer = await recorded(door)
    assert answer.status == 503


async def test_a_mount_that_cannot_be_had_ends_it(door: Door, behind: Behind) -> None:
    behind.refusal = SourceError("the mount is not to be had")
    _, answer = await recorded(door)
    assert (answer.status, answer.body) == (503, b"the mount is not to be had\r\n")
    assert (await door.ended).message == "the mount is not to be had"
    # What the program says of it is not the cause.
    assert door.refusal is not None


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("ANNOUNCE", SDP_TYPE, b"nonsense", 400),
        ("SETUP", TCP, b"", 455),
        ("RECORD", {}, b"", 455),
        ("DESCRIBE", {}, b"", 501),
        ("PLAY", {}, b"", 501),
    ],
)
async def test_what_does_not_fit_is_refused(
    door: Door, method: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    peer = await peer_of(door)
    assert (await peer.ask(method, door.url, headers, body)).status == status
    assert not door.ended.done()


@pytest.mark.parametrize(
    ("control", "transport", "status"),
    [
        ("streamid=7", TCP["Transport"], 404),
        ("streamid=0", "RTP/SAVP;unicast;client_port=5000-5001", 461),
        ("streamid=0", "RTP/AVP;multicast", 461),
    ],
)
async def test_a_setup_that_does_not_fit_is_refused(
    door: Door, control: str, transport: str, status: int
) -> None:
    peer = await peer_of(door)
    await peer.ask("ANNOUNCE", door.url, SDP_TYPE, SDP_VIDEO)
    answer = await peer.ask("SETUP", f"{door.url}/{control}", {"Transport": transport})
    assert answer.status == status


async def test_a_track_needs_no_name_where_there_is_one(door: Door, behind: Behind) -> None:
    peer = await set_up(door, control="")
    assert (await peer.ask("RECORD", door.url)).status == 200
    # Told twice, it goes on.
    assert (await peer.ask("RECORD", door.url)).status == 200
    await peer.send(frame(0, rtp(1)))
    assert (await peer.ask("GET_PARAMETER", door.url)).status == 200
    assert behind.packets == 1


async def test_all_tracks_are_set_up_before_it_records(door: Door) -> None:
    peer = await set_up(door, SDP)
    answer = await peer.ask("RECORD", door.url)
    assert answer.status == 455
    assert answer.body.startswith(b"set up every announced track first")
    assert not door.recording.is_set()


async def test_what_is_no_request_is_refused_or_left_out(door: Door) -> None:
    peer = await peer_of(door)
    await peer.send(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
    assert (await peer.ask("OPTIONS", "*")).status == 200
    await peer.send(b"OPTIONS * RTSP/1.0\r\nno name and no value\r\n\r\n")
    assert (await peer.answer()).status == 400
    await peer.send(b"OPTIONS " + b"x" * 70_000)
    assert b" 414 " in await peer.closed()
    assert not door.ended.done()


async def test_a_program_whose_connection_breaks_says_why(door: Door) -> None:
    peer, _ = await recorded(door)
    peer.reset()
    message = (await door.ended).message
    assert message.startswith("it has closed its connection: ")


async def test_a_fault_of_ours_ends_it_and_is_logged(
    door: Door, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    behind.refusal = ZeroDivisionError("boom")
    peer = await set_up(door)
    await peer.send(peer.request("RECORD", door.url))
    assert (await door.ended).message == "this server failed: ZeroDivisionError"
    assert await peer.closed() == b""
    assert [record.message for record in caplog.records] == ["a program's connection failed"]


async def test_a_program_that_reads_no_answers_is_cut_off(door: Door) -> None:
    peer, _ = await recorded(door)

    async def ask_on() -> None:
        while True:
            await peer.send(peer.request("OPTIONS", "*") * 1_000)

    with pytest.raises(ConnectionError):
        await ask_on()
    assert (await door.ended).message.startswith("it has closed its connection")


async def test_who_comes_behind_its_end_is_shut_out(door: Door) -> None:
    peer, _ = await recorded(door)
    assert (await peer.ask("TEARDOWN", door.url)).status == 200
    assert await (await peer_of(door)).closed() == b""


async def test_who_comes_when_all_places_are_in_use_is_shut_out(door: Door) -> None:
    busy = [await set_up(door) for _ in range(4)]
    assert await (await peer_of(door)).closed() == b""
    assert (await busy[0].ask("RECORD", door.url)).status == 200


async def test_strangers_who_stay_keep_no_program_out(door: Door) -> None:
    strangers = [await peer_of(door) for _ in range(6)]
    _, answer = await recorded(door)
    assert answer.status == 200
    assert await strangers[0].closed() == b""
