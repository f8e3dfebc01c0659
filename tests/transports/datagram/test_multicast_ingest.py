"""A member of a group hears its senders and nobody else, itself not either."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from own_ports import own_port
from two_ends import Kept

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.net.multicast import open_multicast_sender
from headwater.net.settings import SocketSettings
from headwater.transports.datagram.multicast_ingest import MulticastGroup, MulticastIngest

HOST = "127.0.0.1"
GROUP, PORTS = "239.77.1.31", (own_port(510), own_port(511))
END = b"\x80 the last one"


class Owner:
    """Whoever sends, as the ingest sees it."""

    id = "camera"
    peer = "127.0.0.1:554"

    def __init__(self) -> None:
        self.closed: list[str] = []

    def close(self, reason: str) -> None:
        self.closed.append(reason)


class ListeningTrack(Kept):
    """A track that keeps what it is given."""

    def write(self, packets: list[bytes]) -> None:
        self.send_batch(PacketBatch(packets, 0.0))

    def write_rtcp(self, packets: list[bytes]) -> None:
        self.send_rtcp(PacketBatch(packets, 0.0))


def joined(owner: Owner, hosts: tuple[str, ...]) -> MulticastIngest:
    group = MulticastGroup(address=GROUP, ports=PORTS, hosts=hosts, interface=HOST)
    try:
        return MulticastIngest(owner, asyncio.get_running_loop(), SocketSettings(), group)
    except OSError as error:
        pytest.skip(f"no multicast here: {error}")


@pytest.fixture
def camera() -> Iterator[socket.socket]:
    with open_multicast_sender(GROUP, interface=HOST) as sock:
        yield sock


@pytest.mark.parametrize("hosts", [(HOST,), ("192.0.2.7", HOST)])
async def test_hosts_of_the_group_are_heard(camera: socket.socket, hosts: tuple[str, ...]) -> None:
    track = ListeningTrack()
    ingest = joined(Owner(), hosts)
    ingest.start(track)  # type: ignore[arg-type]
    camera.sendto(b"\x80 one", (GROUP, PORTS[0]))
    camera.sendto(b"\x80 report", (GROUP, PORTS[1]))
    camera.sendto(END, (GROUP, PORTS[0]))
    await track.until(lambda: track.rtp[-1:] == [END] and track.rtcp)
    assert (track.rtp, track.rtcp) == ([b"\x80 one", END], [b"\x80 report"])
    ingest.close()


async def test_strangers_to_the_group_are_not_heard(camera: socket.socket) -> None:
    stranger, member = ListeningTrack(), ListeningTrack()
    deaf, hearing = joined(Owner(), ("192.0.2.7",)), joined(Owner(), (HOST,))
    deaf.start(stranger)  # type: ignore[arg-type]
    hearing.start(member)  # type: ignore[arg-type]
    camera.sendto(END, (GROUP, PORTS[0]))
    await member.until(lambda: member.rtp)
    # Another turn, so that whichever of the two is read last was read.
    await asyncio.sleep(0)
    assert stranger.rtp == []
    for ingest in (deaf, hearing):
        ingest.close()


async def test_own_reports_go_to_the_group_and_are_not_taken_for_the_senders(
    camera: socket.socket,
) -> None:
    track, other = ListeningTrack(), ListeningTrack()
    ingest, another = joined(Owner(), (HOST,)), joined(Owner(), (HOST,))
    ingest.start(track)  # type: ignore[arg-type]
    another.start(other)  # type: ignore[arg-type]
    ingest.send_rtcp(b"\x80 own report")
    camera.sendto(b"\x80 the camera's", (GROUP, PORTS[1]))
    await track.until(lambda: track.rtcp)
    await other.until(lambda: len(other.rtcp) == 2)
    assert track.rtcp == [b"\x80 the camera's"]
    assert other.rtcp == [b"\x80 own report", b"\x80 the camera's"]
    for one in (ingest, another):
        one.close()


async def test_stopped_member_takes_nothing_and_starts_again(camera: socket.socket) -> None:
    track = ListeningTrack()
    ingest = joined(Owner(), (HOST,))
    for number in range(2):
        ingest.start(track)  # type: ignore[arg-type]
        camera.sendto(b"\x80 %d" % number, (GROUP, PORTS[0]))
        await track.until(lambda: track.rtp)
        assert track.rtp == [b"\x80 %d" % number]
        track.rtp.clear()
        for _ in range(2):
            ingest.stop()
    for _ in range(2):
        ingest.close()
    ingest.send_rtcp(b"\x80 lost: the socket is closed")
    assert track.rtp == []


async def test_track_that_fails_ends_the_owner(camera: socket.socket) -> None:
    owner, track = Owner(), ListeningTrack()
    ingest = joined(owner, (HOST,))

    def break_down(packets: list[bytes]) -> None:
        track.changed.set()
        raise RuntimeError("broken")

    track.write = break_down  # type: ignore[method-assign]
    ingest.start(track)  # type: ignore[arg-type]
    camera.sendto(END, (GROUP, PORTS[0]))
    await track.until(lambda: owner.closed)
    assert owner.closed == ["ingest failed"]
    ingest.close()


async def test_group_that_cannot_be_joined_leaves_nothing_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish:
        # Bound without sharing the port.
        selfish.bind(("", PORTS[1]))
        group = MulticastGroup(address=GROUP, ports=PORTS, hosts=(HOST,), interface=HOST)
        with pytest.raises(OSError, match=r"."):
            MulticastIngest(Owner(), asyncio.get_running_loop(), SocketSettings(), group)
    joined(Owner(), (HOST,)).close()
