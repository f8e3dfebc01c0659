"""A track's entrance to the data plane."""

from __future__ import annotations

from fuzz.target import Target
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.rtp import is_rtp
from headwater.protocol.sdp import MediaDescription

CODECS = ("H264", "H265", "VP8", "VP9", "AV1", "JPEG", "OPUS")


def run(data: bytes) -> None:
    if len(data) < 2:
        return
    codec = CODECS[data[0] % len(CODECS)]
    media = MediaDescription.parse(["m=video 0 RTP/AVP 96", f"a=rtpmap:96 {codec}/90000"])
    now_s = 10.0
    track = Track(0, media, clock=lambda: now_s)
    batches: list[PacketBatch] = []
    track.tap = lambda _index, batch: batches.append(batch)
    at = 1
    given: list[bytes] = []
    while at < len(data):
        kind, size = data[at], data[at + 1 : at + 2][:1]
        end = at + 2 + (size[0] if size else 0)
        packet = data[at + 2 : end]
        at = end
        now_s += kind / 512
        if kind & 0x80:
            track.write_rtcp([packet])
            continue
        if kind & 0x40:
            packet = bytes([0x80, 96, 0, kind & 0x3F]) + bytes(8) + packet
        given.append(packet)
        if not kind & 1:
            track.write(given)
            given = []
    for batch in batches:
        assert batch.packets
        assert all(is_rtp(packet) for packet in batch.packets)
        assert -1 <= batch.key_frame_index < len(batch.packets)
        assert batch.size_bytes == sum(map(len, batch.packets))


TARGET = Target(
    invariant="whatever a publisher sends, only RTP is fanned out and nothing is raised",
    run=run,
    words=(b"\x80\x60\x00\x01", b"\x80\xc8\x00\x06", b"\x81\xcb\x00\x01", b"\x40\x10\x67", b"\x65"),
    max_bytes=800,
)
