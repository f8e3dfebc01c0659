"""What a crowd costs that joins one mount together, counted: little more than its bytes.

The pace of readers over UDP is taken away by a burst that covers all, so that nothing here depends
on the time that passes.
"""

from __future__ import annotations

import select
from itertools import groupby

import pytest
from data_plane import BATCH, PACKET_BYTES, DataPlane, MakePlane
from meter import CallMeter, least, least_of_tries, peak_bytes

from headwater.media.mount import Mount
from headwater.media.settings import MountSettings
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.net.urgent_sockets import urgent_sockets
from headwater.transports.work_turns import BEGUN_IN_A_ROW, MOST_PER_TURN

FEW, MANY = 8, 24
BATCHES = 20
GROUP_BYTES = BATCHES * BATCH * PACKET_BYTES
ALL_AT_ONCE = MountSettings(catch_up_burst_bytes=4 << 20)

both_ways = pytest.mark.parametrize("over_tcp", [False, True], ids=["udp", "tcp"])


def plane_with_group(data_plane: MakePlane, batches: int = BATCHES) -> DataPlane:
    plane = data_plane(mounts=ALL_AT_ONCE)
    plane.move_clock_of_turns_by_hand()
    plane.keep_group(batches)
    return plane


def joined(plane: DataPlane, readers: int, *, over_tcp: bool) -> CallMeter:
    """The calls that a crowd takes from its PLAYs until all are live."""
    play = plane.crowd(readers, over_tcp=over_tcp)
    with CallMeter() as meter:
        play()
    return meter


def calls_each(data_plane: MakePlane, batches: int, *, over_tcp: bool) -> float:
    """The Python calls that a reader more in the crowd takes, its PLAY among them."""

    def calls(readers: int) -> int:
        # How many go together depends on how fast they come: the least is that of a quick machine.
        return least(
            lambda: (
                joined(
                    plane_with_group(data_plane, batches), readers, over_tcp=over_tcp
                ).python_calls
            ),
            times=3,
        )

    return (calls(MANY) - calls(FEW)) / (MANY - FEW)


@both_ways
def test_a_reader_of_a_crowd_takes_few_calls_more_than_one_that_begins_live(
    data_plane: MakePlane, over_tcp: bool
) -> None:
    def more() -> float:
        begins_live = calls_each(data_plane, 0, over_tcp=over_tcp)
        return calls_each(data_plane, BATCHES, over_tcp=over_tcp) - begins_live

    # For 280 packets in 20 pieces over UDP (121), in 7 over TCP (173).
    most = 200 if over_tcp else 150
    assert least_of_tries(more, most) <= most


@both_ways
def test_twice_as_much_kept_costs_a_reader_of_a_crowd_few_calls_more(
    data_plane: MakePlane, over_tcp: bool
) -> None:
    def of_a_batch() -> float:
        half = calls_each(data_plane, BATCHES // 2, over_tcp=over_tcp)
        return (calls_each(data_plane, BATCHES, over_tcp=over_tcp) - half) / (BATCHES // 2)

    # For each batch of 14 packets: 3.5 over UDP, shared by those who go together; 5.8 over TCP.
    most = 8 if over_tcp else 5
    assert least_of_tries(of_a_batch, most) <= most


def test_a_piece_is_sent_to_all_in_one_system_call(
    data_plane: MakePlane, vector_sends: list[int]
) -> None:
    play = plane_with_group(data_plane).crowd(MANY, over_tcp=False)
    vector_sends.clear()
    play()
    # The first ones went alone or by two and three, which is no work for the vector; all others
    # went with those who came in the same turn of the loop.
    runs = [(served, len(list(sends))) for served, sends in groupby(vector_sends)]
    assert (MANY - 4) * BATCHES <= sum(served * count for served, count in runs) < MANY * BATCHES
    assert len(vector_sends) <= 4 * BATCHES


@both_ways
def test_what_a_piece_is_sent_as_is_built_once_for_those_who_go_together(
    data_plane: MakePlane, over_tcp: bool
) -> None:
    name = "_frames_of" if over_tcp else "runs_of"
    built = least(
        lambda: joined(plane_with_group(data_plane), MANY, over_tcp=over_tcp).python[name]
    )
    assert built <= (BATCHES if over_tcp else 3 * BATCHES)  # 13, 47


@both_ways
def test_a_reader_of_a_crowd_takes_little_memory_on_its_way(
    data_plane: MakePlane, over_tcp: bool
) -> None:
    def peak(readers: int) -> int:
        plane = plane_with_group(data_plane)
        crowds = iter([plane.crowd(readers, over_tcp=over_tcp) for _ in range(2)])

        def play() -> None:
            next(crowds)()

        return peak_bytes(play)

    few, many = peak(FEW), peak(MANY)
    # No copy of what is kept for each: the pieces are shared, and so is what they are sent as.
    assert (many - few) / (MANY - FEW) <= 40_000  # 10,000 over UDP, 4,000 over TCP


class Watcher(Outlet):
    """A live reader that notes how many had begun whenever it is sent something."""

    def __init__(self, begun: list[object]) -> None:
        self.begun = begun
        self.at: list[int] = []

    def send_batch(self, batch: PacketBatch) -> None:
        self.at.append(len(self.begun))

    def send_rtcp(self, batch: PacketBatch) -> None:
        pass

    def outlet_failed(self, error: Exception) -> None:
        raise error


@pytest.mark.skipif(not hasattr(select, "poll"), reason="its loop alone reads sockets")
@pytest.mark.parametrize("publisher_over_tcp", [False, True], ids=["udp", "tcp"])
def test_live_packets_wait_for_few_of_the_many_who_ask_at_once(
    data_plane: MakePlane, publisher_over_tcp: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = data_plane(over_tcp=publisher_over_tcp)
    begun: list[object] = []
    sent_at: list[int] = []
    watcher = Watcher(begun)
    plane.track.fan_out.add(watcher)
    media = list(urgent_sockets(plane.service.relay.loop)._reads)
    start_reader = Mount.start_reader

    def start(mount: Mount, reader: object, *rest: object) -> None:
        start_reader(mount, reader, *rest)  # type: ignore[arg-type]
        begun.append(reader)
        if len(begun) % 30 == 1:
            sent_at.append(len(begun))
            plane.send(plane.packets(1))
            # It is there before the next one begins, however busy the machine is.
            assert select.select(media, [], [], 20)[0]

    play = plane.crowd(200, over_tcp=True)
    monkeypatch.setattr(Mount, "start_reader", start)
    play()
    assert len(begun) == 200
    assert len(watcher.at) == len(sent_at)
    waited = [at - sent for sent, at in zip(sent_at, watcher.at, strict=True)]
    # The very first are dealt with as they come.
    assert waited[0] <= MOST_PER_TURN
    assert max(waited[1:]) <= BEGUN_IN_A_ROW
