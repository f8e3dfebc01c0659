"""A publisher of short films whose every picture is known."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from films import RATE_HZ, film
from udp_peer import wait_for

from headwater import RtspServer
from headwater.protocol.rtcp_build import sender_report
from headwater.relay.packet_publisher import PacketPublisher

CLOCK_HZ = 90_000
STEP = CLOCK_HZ // RATE_HZ
SSRC = 0x1234
PATH = "/cam"
ENCODINGS = {
    "h264": "H264/90000\r\na=fmtp:96 packetization-mode=1",
    "h265": "H265/90000",
    "vp8": "VP8/90000",
    "vp9": "VP9/90000",
    "av1": "AV1/90000",
}


def presentation(name: str) -> str:
    """The SDP of a film."""
    codec = name.partition("-")[0]
    if codec == "mjpeg":
        return "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {ENCODINGS[codec]}\r\n"
    )


@dataclass
class FilmCamera:
    """Publishes a film, picture by picture; after its end it begins again."""

    publisher: PacketPublisher
    pictures: Sequence[Sequence[bytes]]
    moments: Sequence[int]
    """When each is shown, in pictures."""
    sent: int = 0
    _sequence: int = 0
    losses: set[int] = field(default_factory=set)
    """Pictures of which the last packet is not sent, by number."""

    def send(self, count: int = 1) -> None:
        """Publish the next pictures."""
        for _ in range(count):
            packets = []
            picture = self.pictures[self.sent % len(self.pictures)]
            for at, packet in enumerate(picture):
                if self.sent not in self.losses or at < len(picture) - 1:
                    packets.append(self._numbered(packet))
                self._sequence += 1
            self.sent += 1
            if packets:
                self.publisher.publish(0, packets)

    @property
    def timestamp(self) -> int:
        """Of the next picture."""
        times, place = divmod(self.sent, len(self.pictures))
        return (times * len(self.pictures) + self.moments[place]) * STEP

    def report(self, ntp: int, timestamp: int | None = None) -> None:
        """Send a sender report: what the camera's clock shows at a timestamp."""
        at = self.timestamp if timestamp is None else timestamp
        report = sender_report(
            SSRC, ntp=ntp, rtp_timestamp=at & 0xFFFFFFFF, packets=0, octets=0, cname="camera"
        )
        self.publisher.publish_rtcp(0, [report])

    def _numbered(self, packet: bytes) -> bytes:
        place = struct.pack(">HII", self._sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, SSRC)
        return packet[:2] + place + packet[12:]


def film_camera(server: RtspServer, name: str = "h264", *, path: str = PATH) -> FilmCamera:
    """Publish one of the films on a server."""
    # Each name is encoded once: some encoders make other bytes the next time.
    shot = film(name)
    groups = [list(group) for _, group in groupby(shot.rtp, lambda packet: packet[4:8])]
    return FilmCamera(server.publish(path, presentation(name)), groups, shot.moments)


async def read_from(server: RtspServer, path: str = PATH) -> None:
    """Return once a mount has a reader; it gets one in the loop's next turns."""
    await wait_for(lambda: bool(server.mounts[path].readers))
