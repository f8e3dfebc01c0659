"""A publisher inside its RTSP connection: what is written to one that does not read."""

from local_identity import local_identity
from stream_ends import Recorder, open_stream, tcp_pair

from headwater.protocol.header.transport import LowerTransport, TransportSpec
from headwater.transports.interleaved_publisher import InterleavedPublisher
from headwater.transports.negotiation import Offer
from headwater.transports.settings import TransportKind

REPORT = bytes(64)


async def test_reports_do_not_pile_up_for_a_publisher_that_takes_none() -> None:
    near, far = tcp_pair(4096)
    with far:
        async with open_stream(near, Recorder()) as stream:
            publisher = InterleavedPublisher(local_identity(), stream, {})
            spec = TransportSpec(lower=LowerTransport.TCP, interleaved=(0, 1))
            publisher.add_track(0, Offer(TransportKind.TCP, spec))
            for _ in range(10_000):
                publisher.send_rtcp(0, REPORT)
            assert 0 < stream.queued_bytes <= len(REPORT) + 4
            assert stream.bytes_sent > 0
