from struct import pack

import pytest

from headwater.media.tracks.packet_kind import PacketKinds, packet_kinds
from headwater.protocol.rtcp_build import receiver_report
from headwater.protocol.sdp import SessionDescription


def kinds(*formats: int) -> PacketKinds:
    text = " ".join(map(str, formats))
    return packet_kinds(SessionDescription.parse(f"v=0\nm=video 0 RTP/AVP {text}\n").media[0])


def rtp(payload_type: int, *, marker: bool = True) -> bytes:
    return pack(">BBHII", 0x80, payload_type | marker << 7, 1, 2, 3) + b"payload"


REPORT = receiver_report(7, cname="camera")


@pytest.mark.parametrize(
    ("formats", "packet", "kind"),
    [
        ([96], rtp(96), "rtp"),
        ([96], rtp(100), "rtp"),
        ([96], REPORT, "rtcp"),
        ([96], REPORT[:8], "rtcp"),
        # Feedback, PT=205: RFC 4585 §6.1.
        ([96], bytes([0x81, 205, 0, 2]) + bytes(8), "rtcp"),
        ([77], rtp(77), "rtp"),
        ([77], rtp(77, marker=False), "rtp"),
        # RFC 3551 §6 keeps 72 to 76 free, whatever is described.
        ([72], bytes([0x80, 200, 0, 6]) + bytes(24), "rtcp"),
        ([96], b"\x40" + bytes(20), "none"),
        ([96], b"\x80\x60", "none"),
    ],
)
def test_what_came_among_rtp(formats: list[int], packet: bytes, kind: str) -> None:
    told = kinds(*formats)
    assert told.is_rtp(packet) is (kind == "rtp")
    assert told.is_rtcp(packet) is (kind == "rtcp")


@pytest.mark.parametrize("formats", [[96], [0, 8], [77, 96], [72]])
def test_second_bytes_are_of_one_kind_or_the_other(formats: list[int]) -> None:
    told = kinds(*formats)
    assert sorted((*told.rtp_bytes, *told.rtcp_types)) == list(range(256))
    assert told.rtp_bytes[0] == min(formats)


@pytest.mark.parametrize(
    ("formats", "packet", "is_rtp"),
    [
        ([96], rtp(96), True),
        ([96, 97], rtp(97, marker=False), True),
        ([96], REPORT, False),
        # What players and encoders open a NAT with: no payload type of this track.
        ([96], b"\x80" + bytes(11), False),
        ([77], bytes([0x81, 205, 0, 2]) + bytes(8), False),
        ([96], b"\x80\x60", False),
    ],
)
def test_what_came_among_rtcp(formats: list[int], packet: bytes, is_rtp: bool) -> None:
    assert kinds(*formats).is_rtp_among_rtcp(packet) is is_rtp


def test_tracks_of_the_same_payload_types_share_what_is_told_of_them() -> None:
    assert kinds(96, 97) is kinds(97, 96)
    assert kinds(96) is not kinds(97)
