"""A channel pair that feeds a track: when frames come in, and what goes back to the peer."""

from __future__ import annotations

from stream_ends import Recorder, open_stream, read_exactly, tcp_pair

from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.rtp import cut_run
from headwater.transports.interleaved.channels import DROPPED, ChannelConsumer, take_pair
from headwater.transports.interleaved.ingest import InterleavedIngest

REPORT = bytes(64)


class ListeningTrack:
    """A track that keeps what it is given."""

    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []

    def write(self, packets: list[bytes], _frames: bytes | None = None) -> None:
        self.rtp += packets

    def write_run(self, run: bytes, segment_bytes: int, _frames: bytes | None = None) -> None:
        self.rtp += cut_run(run, segment_bytes)

    def write_rtcp(self, packets: list[bytes], _frames: bytes | None = None) -> None:
        self.rtcp += packets


async def test_frames_come_in_between_start_and_stop_only_and_channels_are_given_back_once() -> (
    None
):
    near, far = tcp_pair()
    channels: dict[int, ChannelConsumer] = {}
    track = ListeningTrack()
    with far:
        async with open_stream(near, Recorder()) as stream:
            pair = take_pair(channels, (4, 9), DROPPED, DROPPED)
            ingest = InterleavedIngest(stream, channels, pair)
            channels[4].take([b"early"], None)
            ingest.start(track)  # type: ignore[arg-type]
            channels[4].take([b"one", b"two"], None)
            channels[9].take([b"report"], None)
            ingest.stop()
            channels[4].take([b"late"], None)
            channels[9].take([b"late"], None)
            assert (track.rtp, track.rtcp) == ([b"one", b"two"], [b"report"])
            ingest.close()
            assert channels == {}
            other = take_pair(channels, pair, DROPPED, DROPPED)
            for _ in range(2):
                ingest.close()
                ingest.stop()
                ingest.start(track)  # type: ignore[arg-type]
            ingest.send_rtcp(REPORT)
            assert stream.bytes_sent == 0
            assert channels == dict.fromkeys(other, DROPPED), "the channels are another's now"


async def test_reports_go_out_on_the_second_channel() -> None:
    near, far = tcp_pair()
    with far:
        async with open_stream(near, Recorder()) as stream:
            InterleavedIngest(stream, {}, (4, 9)).send_rtcp(REPORT)
            assert await read_exactly(far, 68) == frame_interleaved(9, [REPORT])


async def test_reports_do_not_pile_up_for_a_peer_that_takes_none() -> None:
    near, far = tcp_pair(4096)
    with far:
        async with open_stream(near, Recorder()) as stream:
            ingest = InterleavedIngest(stream, {}, (0, 1))
            for _ in range(10_000):
                ingest.send_rtcp(REPORT)
            assert 0 < stream.queued_bytes <= len(REPORT) + 4
            assert stream.bytes_sent > 0


async def test_what_comes_before_the_start_waits_where_its_arrival_is_waited_for() -> None:
    near, far = tcp_pair()
    channels: dict[int, ChannelConsumer] = {}
    track = ListeningTrack()
    calls: list[int] = []
    with far:
        async with open_stream(near, Recorder()) as stream:
            ingest = InterleavedIngest(
                stream, channels, take_pair(channels, None, DROPPED, DROPPED)
            )
            ingest.on_arrival(lambda: calls.append(len(calls)))
            channels[1].take([b"report"], None)
            assert not calls, "a report is no media"
            channels[0].take([b"one"], None)
            channels[0].take([b"two"], None)
            assert (calls, track.rtp, track.rtcp) == ([0], [], [])
            ingest.start(track)  # type: ignore[arg-type]
            channels[0].take([b"three"], None)
            assert (track.rtp, track.rtcp) == ([b"one", b"two", b"three"], [b"report"])
            ingest.start(track)  # type: ignore[arg-type]
            assert track.rtp == [b"one", b"two", b"three"], "once"
            ingest.on_arrival(lambda: None)
            channels[0].take([b"four"], None)
            ingest.stop()
            ingest.start(track)  # type: ignore[arg-type]
            assert track.rtp == [b"one", b"two", b"three"], "what was stopped is not waited for"


async def test_what_waits_for_the_start_is_bounded() -> None:
    near, far = tcp_pair()
    channels: dict[int, ChannelConsumer] = {}
    track = ListeningTrack()
    with far:
        async with open_stream(near, Recorder()) as stream:
            ingest = InterleavedIngest(
                stream, channels, take_pair(channels, None, DROPPED, DROPPED)
            )
            ingest.on_arrival(lambda: None)
            for _ in range(2000):
                channels[0].take([bytes(1200)], None)
            ingest.start(track)  # type: ignore[arg-type]
            assert 500_000 < sum(map(len, track.rtp)) <= 1 << 20
