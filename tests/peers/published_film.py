"""A film that a program publishes, a picture or a group of pictures at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater import RtspServer
from headwater.relay.packet_publisher import PacketPublisher

SDP_OF = {
    "h264": "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack pli\r\n",
    "h265": "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n",
    "vp8": "m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
    "vp9": "m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP9/90000\r\n",
    "av1": "m=video 0 RTP/AVP 96\r\na=rtpmap:96 AV1/90000\r\n",
    "aac": "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"
    "a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190\r\n",
    "opus": "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n",
    "pcmu": "m=audio 0 RTP/AVP 0\r\n",
}
"""By codec, the section of a description."""


def description(*codecs: str) -> str:
    """A presentation of tracks with these codecs."""
    head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=film\r\nt=0 0\r\n"
    return head + "".join(SDP_OF[codec] for codec in codecs)


class PublishedFilm:
    """A track of video, published from its first picture on."""

    def __init__(
        self, server: RtspServer, rtp: Sequence[bytes], path: str = "/front", codec: str = "h264"
    ) -> None:
        self.wanted: list[int] = []
        self.publisher: PacketPublisher = server.publish(
            path, description(codec), on_key_frame_wanted=self.wanted.append
        )
        self._pictures = list(pictures_of(rtp))
        self.position = 0

    def show(self, count: int = 1) -> None:
        """Publish so many pictures more."""
        for picture in self._pictures[self.position : self.position + count]:
            self.publisher.publish(0, picture)
        self.position += count

    def last_came(self, media: Sequence[bytes]) -> bool:
        """Whether all of the last picture that was shown is at the end of packets."""
        shown = self._pictures[self.position - 1][0][4:8]
        return bool(media) and media[-1][4:8] == shown and media[-1][1] >> 7 == 1

    @property
    def left(self) -> int:
        """How many pictures are left."""
        return len(self._pictures) - self.position


def pictures_of(rtp: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The packets of each picture."""
    picture: list[bytes] = []
    for packet in rtp:
        if picture and packet[4:8] != picture[0][4:8]:
            yield picture
            picture = []
        picture.append(packet)
    yield picture
