"""A track of a mount as browsers get it: in packets with numbers of its own, cut to 1,200 bytes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import Depacketizer, VideoDepacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.g711 import G711Config, G711Pieces
from headwater.codecs.nal.picture import PictureConfig
from headwater.codecs.packet_order import PacketOrder
from headwater.codecs.packetizer import MOST_PACKET_BYTES, Packetizer
from headwater.codecs.payloaders import PAYLOADERS
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.rtp import HEADER_BYTES
from headwater.webrtc.layout import MOST_LAID_OUT_PACKETS
from headwater.webrtc.view_batch import ViewBatch

_KEPT_PACKETS: Final = 4_096
"""For those who lost some: two seconds of 20 Mbit/s. A power of two."""
_PLACE: Final = _KEPT_PACKETS - 1
_MOST_SENT_BYTES: Final = 65_000
"""No datagram takes more, with what encryption adds: such sound is lost."""
_PICTURES: Final = frozenset({"H264", "H265", "HEVC", "VP8", "VP9", "AV1"})
_SOUND: Final = frozenset({"OPUS", "PCMU", "PCMA"})
_SHOWS_ORDER_PICTURES: Final = 8
"""An encoder that sends B-frames has sent one by then: most send one behind two others."""
PLAYED: Final = _PICTURES | _SOUND
"""What some browser plays over WebRTC, by encoding name. No browser plays AAC or MJPEG so."""


class ViewTrack:
    """Cuts a track's packets anew, and keeps the last of them.

    Attributes:
        index: the track's place in the mount.
        kind: `video` or `audio`.
        encoding: upper-case name; H.265 has one name.
        clock_rate_hz: units of its timestamps in a second.
        ssrc: the source that browsers know.
        reordered: pictures have come that are shown in another order, which no browser can do.
        packets: how many packets were made.
        octets: how many bytes of payload.
    """

    def __init__(
        self, index: int, kind: str, encoding: str, track: Track, depacketizer: Depacketizer[object]
    ) -> None:
        self.index = index
        self.kind = kind
        self.encoding = "H265" if encoding == "HEVC" else encoding
        self.clock_rate_hz = track.media.clock_rate_hz
        self.track = track
        self.ssrc = secrets.randbits(31) + 1
        self.reordered = False
        self.packets = 0
        self.octets = 0
        self._order = PacketOrder()
        self._depacketizer = depacketizer
        self._pieces = _pieces_of(depacketizer.config)
        # RFC 3550 §5.1: random; below the middle, so that a peer that comes early sees no wrap.
        first = secrets.randbits(15)
        self._packetizer = Packetizer(
            PAYLOADERS[encoding],
            payload_type=0,
            ssrc=self.ssrc,
            sequence_number=first,
        )
        self._next_index = first
        self._kept: list[bytes] = [b""] * _KEPT_PACKETS
        self._last_timestamp: int | None = None
        self._pictures = 0

    @classmethod
    def of(cls, track: Track) -> ViewTrack | None:
        """Return a view of a track; None where no browser plays its codec over WebRTC."""
        encoding = track.media.encoding
        if encoding not in PLAYED:
            return None
        depacketizer = depacketizer_for(track.media)
        if depacketizer is None:
            return None
        kind = "video" if encoding in _PICTURES else "audio"
        return cls(track.index, kind, encoding, track, depacketizer)

    @property
    def is_video(self) -> bool:
        """Whether it is pictures, of which one has to begin with a key frame."""
        return self.kind == "video"

    @property
    def may_reorder(self) -> bool:
        """Whether its parameters allow another order, and too few pictures came to show it."""
        config = self._depacketizer.config
        depth = config.reorder_frames if isinstance(config, PictureConfig) else None
        return bool(depth) and not self.reordered and self._pictures < _SHOWS_ORDER_PICTURES

    def listen(self) -> None:
        """Count one who is sent it."""

    def unlisten(self) -> None:
        """Forget one who was counted."""

    def rtp_time_of(self, timestamp: int) -> int:
        """Return the time of a timestamp of the publisher, by the clock that browsers know."""
        return timestamp

    def units_of(self, batch: PacketBatch) -> Iterator[AccessUnit]:
        """Take packets of the publisher; yield what is whole now."""
        in_order, feed, arrived_s = self._order.take, self._depacketizer.feed, batch.arrived_s
        for came in batch.packets:
            for packet in in_order(came, arrived_s):
                yield from feed(packet)

    def batches_of(self, batch: PacketBatch) -> Iterator[ViewBatch]:
        """Take packets of the publisher; yield those for browsers, key frames at a head."""
        waiting: list[bytes] = []
        begins_key_frame = False
        for unit in self.units_of(batch):
            self._look_at_order(unit)
            is_key = self.is_video and unit.key_frame
            if is_key and waiting:
                yield from self._cut(waiting, begins_key_frame=begins_key_frame)
                waiting, begins_key_frame = [], False
            begins_key_frame |= is_key
            for piece in (unit,) if self._pieces is None else self._pieces.feed(unit):
                waiting += self._packetizer.packets(piece)
        if waiting:
            yield from self._cut(waiting, begins_key_frame=begins_key_frame)
        taker = self._depacketizer
        if isinstance(taker, VideoDepacketizer) and taker.waits_for_key_frame:
            # Browsers see no gap in what they get. At most one a second reaches the publisher.
            self.track.request_key_frame()

    def made_lately(self, sequence_number: int) -> ViewBatch | None:
        """Return a packet that was made lately, alone; None where it is not kept any more."""
        packet = self._kept[sequence_number & _PLACE]
        if packet[2:4] != sequence_number.to_bytes(2, "big"):
            return None
        index = self._next_index - (self._next_index - sequence_number & 0xFFFF)
        return ViewBatch(self.index, [packet], index, begins_key_frame=False)

    def _cut(self, packets: list[bytes], *, begins_key_frame: bool) -> Iterator[ViewBatch]:
        kept = self._kept
        for packet in packets:
            kept[(packet[2] << 8 | packet[3]) & _PLACE] = packet
        self.packets += len(packets)
        self.octets += sum(map(len, packets)) - HEADER_BYTES * len(packets)
        index = self._next_index
        self._next_index += len(packets)
        # Pictures are cut to fit; a packet of sound stays as large as its publisher made it.
        most = 1 if max(map(len, packets)) > MOST_PACKET_BYTES else MOST_LAID_OUT_PACKETS
        for start in range(0, len(packets), most):
            batch = packets[start : start + most]
            if len(batch[0]) > _MOST_SENT_BYTES:
                continue
            yield ViewBatch(
                self.index,
                batch,
                index + start,
                begins_key_frame=begins_key_frame and start == 0,
            )

    def _look_at_order(self, unit: AccessUnit) -> None:
        """Note a picture that is shown before one that came earlier."""
        last, self._last_timestamp = self._last_timestamp, unit.timestamp
        if not self.is_video:
            return
        self._pictures += 1
        if last is None:
            return
        behind = last - unit.timestamp & 0xFFFFFFFF
        # A publisher that came back may begin anew; pictures are out of order by less than this.
        if 0 < behind < self.clock_rate_hz:
            self.reordered = True


def _pieces_of(config: object) -> G711Pieces | None:
    # Browsers have a buffer for sound that expects pieces of 20 ms; cameras send up to 125.
    return G711Pieces(config) if isinstance(config, G711Config) else None
