"""What the bus between workers costs a batch of 14 packets, counted."""

from __future__ import annotations

import socket
from functools import partial

from data_plane import BATCH, FRAGMENT, PACKET_BYTES, MakePlane
from meter import CallMeter, opcodes
from test_batch_costs import NEWER_PYTHON, batch_opcodes

from headwater.cluster.bus.frames import Kind, batch_frame, description_frame
from headwater.cluster.bus.receiving import BusPublisher
from headwater.cluster.bus.sending import BusReader
from headwater.cluster.leases import Tenure
from headwater.media.tracks.packet_batch import PacketBatch

SDP = b"v=0\nt=0 0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000"
READERS = 100
TENURE = Tenure("/pulled", "worker-2", 1)


class Packets:
    """Batches of a picture that goes on."""

    def __init__(self) -> None:
        self.seq = 0

    def batch(self) -> list[bytes]:
        self.seq += BATCH
        head = b"\x80\x60%b\x00\x00\x00\x01\x12\x34\x56\x78"
        numbers = (number & 0xFFFF for number in range(self.seq - BATCH, self.seq))
        return [
            (head % number.to_bytes(2, "big") + FRAGMENT).ljust(PACKET_BYTES, b"\x00")
            for number in numbers
        ]


def test_a_batch_that_is_pulled_costs_little_more_than_one_that_is_published(
    data_plane: MakePlane,
) -> None:
    plane = data_plane()
    own, other = socket.socketpair()
    publisher = BusPublisher(plane.service.relay, TENURE, other, lambda *_: None)
    publisher.stream_data(description_frame(1, None, SDP))
    mount = publisher.mount
    assert mount is not None
    track, packets = mount.tracks[0], Packets()
    now = plane.service.relay.clock

    def frame() -> bytes:
        return batch_frame(Kind.RTP, 0, packets.batch(), now())

    for _ in range(3):
        publisher.stream_data(frame())
    pulled, published = [], []
    for _ in range(5):
        came, batch = frame(), packets.batch()
        pulled.append(opcodes(partial(publisher.stream_data, came)))
        published.append(opcodes(partial(track.write, batch)))
    # For each batch, however many readers the worker has.
    assert min(pulled) - min(published) <= 275 * NEWER_PYTHON  # 260
    with CallMeter() as meter:
        publisher.stream_data(frame())
    assert meter.system.total() == 0
    publisher.end("done")
    own.close()


def test_a_batch_leaves_for_all_workers_that_pull_as_one_frame(data_plane: MakePlane) -> None:
    plane = data_plane()
    relay = plane.service.relay
    (mount,) = plane.service.mounts
    pairs = [socket.socketpair() for _ in range(3)]
    readers = [
        BusReader(relay, mount, TENURE, other, "worker-3", lambda _: None) for _, other in pairs
    ]
    packets = Packets()
    outlets = [reader._outlets[0] for reader in readers]
    for _ in range(2):
        batch = PacketBatch(packets.batch(), relay.clock())
        for outlet in outlets:
            outlet.send_batch(batch)
    batch = PacketBatch(packets.batch(), relay.clock())
    first = opcodes(lambda: outlets[0].send_batch(batch))
    second = opcodes(lambda: outlets[1].send_batch(batch))
    with CallMeter() as meter:
        outlets[2].send_batch(batch)
    assert first <= 250 * NEWER_PYTHON  # 234
    assert second <= 142 * NEWER_PYTHON  # 135
    # One frame is made for all, and each gets it with one call.
    assert meter.python["batch_frame"] == 0
    assert meter.system["send"] == 1
    for own, _ in pairs:
        own.close()
    for reader in readers:
        reader.close("done")


def test_a_batch_for_a_hundred_readers_costs_their_worker_little_more_than_a_publisher_of_its_own(
    data_plane: MakePlane,
) -> None:
    direct = data_plane(tcp_readers=READERS)
    pulling = data_plane(pulled=True, tcp_readers=READERS)
    # The cheapest there is, packets over UDP, beside what is pulled. The hundred sends, which both
    # have, come on top: with them the part of the bus is smaller still.
    pulled = batch_opcodes(pulling)
    assert pulled <= 985 * NEWER_PYTHON  # 940
    assert pulled <= 1.2 * batch_opcodes(direct)  # 899
