import pytest

from headwater.protocol.sdp import MulticastEndpoint, SessionDescription


def relay(text: str, address: str = "192.0.2.1", name: str | None = None) -> list[str]:
    written = SessionDescription.parse(text).relayed(address=address, name=name).decode()
    assert written.endswith("\r\n")
    return written.removesuffix("\r\n").split("\r\n")


def test_addresses_and_controls_are_ours_and_all_else_as_it_came() -> None:
    assert relay(
        "v=0\no=- 12 3 IN IP4 127.0.0.1\ns=No Name\ni=garden\nc=IN IP4 10.0.0.9\nb=AS:700\nt=0 0\n"
        "a=tool:libavformat\na=range:npt=now-\na=control:rtsp://10.0.0.9/x\n"
        "m=video 49170/2 RTP/AVP 96 97\nc=IN IP4 10.0.0.9\nb=AS:600\n"
        "a=rtpmap:96  H264/90000\na=fmtp:96 broken;;=\na=control:streamid=0\na=x-nearby:1\n"
        "m=audio 5004 RTP/AVP 0\na=control:rtsp://10.0.0.9/x/trackID=2?mtu=1440\n"
    ) == [
        "v=0",
        "o=- 12 3 IN IP4 192.0.2.1",
        "s=No Name",
        "i=garden",
        "c=IN IP4 0.0.0.0",
        "b=AS:700",
        "t=0 0",
        "a=tool:libavformat",
        "a=range:npt=now-",
        "a=control:*",
        "m=video 0 RTP/AVP 96 97",
        "b=AS:600",
        "a=rtpmap:96  H264/90000",
        "a=fmtp:96 broken;;=",
        "a=x-nearby:1",
        "a=control:trackID=0",
        "m=audio 0 RTP/AVP 0",
        "a=control:trackID=1",
    ]


def test_what_must_be_there_is_added() -> None:
    assert relay("m=video 0 RTP/AVP 26") == [
        "v=0",
        "o=- 0 0 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "m=video 0 RTP/AVP 26",
        "a=control:trackID=0",
    ]


def test_lines_come_in_the_order_strict_readers_want() -> None:
    assert relay(
        "a=tool:x\nt=1 2\nr=7d 1h 0\nt=3 4\ns=one\ns=two\nv=0\nv=1\n"
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nb=AS:1\ni=front door\nk=prompt\n"
        "m=audio 0 RTP/AVP 0\nu=http://x\nthis is no line\nX=1\nq=?\n"
    ) == [
        "v=0",
        "o=- 0 0 IN IP4 192.0.2.1",
        "s=one",
        "u=http://x",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=tool:x",
        "a=control:*",
        "m=video 0 RTP/AVP 96",
        "i=front door",
        "b=AS:1",
        "k=prompt",
        "a=rtpmap:96 H264/90000",
        "a=control:trackID=0",
        "m=audio 0 RTP/AVP 0",
        "a=control:trackID=1",
    ]


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("o=- 1001 1 IN ", "1001 1"),
        ("o=JefferyZhang Inno Fuzhou 5 6 IN IP4 127.0.0.1", "5 6"),
        ("o=RTSP 19599440071187478912 13656283801756621937 IN IP4 0.0.0.0", "0 0"),
        ("o=- 9223372036854775807 0 IN IP4 0.0.0.0", "9223372036854775807 0"),
        ("o=- 9223372036854775808 0 IN IP4 0.0.0.0", "0 0"),
        ("o=- -5 0 IN IP4 0.0.0.0", "0 0"),
        ("o=- ٣ 0 IN IP4 0.0.0.0", "0 0"),
        ("o=1 IN IP4 0.0.0.0", "0 0"),
        ("o=", "0 0"),
    ],
)
def test_session_id_and_version_stay_where_readers_can_hold_them(
    origin: str, expected: str
) -> None:
    assert relay(f"{origin}\nm=video 0 RTP/AVP 26")[1] == f"o=- {expected} IN IP4 192.0.2.1"


def test_ipv6() -> None:
    lines = relay("m=video 0 RTP/AVP 26", address="2001:db8::1")
    assert "o=- 0 0 IN IP6 2001:db8::1" in lines
    assert "c=IN IP6 ::" in lines


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("s=Porch", None, "s=Porch"),
        ("s=Porch", "Garden", "s=Garden"),
        ("s=", None, "s=-"),
        ("s= ", None, "s=-"),
        ("i=x", "Garden", "s=Garden"),
    ],
)
def test_session_name(line: str, name: str | None, expected: str) -> None:
    lines = relay(f"{line}\nm=video 0 RTP/AVP 26", name=name)
    assert [written for written in lines if written.startswith("s=")] == [expected]


@pytest.mark.parametrize(
    ("announced", "relayed"),
    [
        ("RTP/AVP", "RTP/AVP"),
        ("rtp/avp", "RTP/AVP"),
        ("RTP/AVP/TCP", "RTP/AVP"),
        ("RTP/AVP/UDP", "RTP/AVP"),
        ("RTP/AVP/TCP;unicast", "RTP/AVP"),
        ("RTP/AVP26", "RTP/AVP"),
        ("TCP/RTP/AVP", "RTP/AVP"),
        ("RTP/AVPF/TCP", "RTP/AVPF"),
        ("RTP/SAVP/TCP", "RTP/SAVP"),
        ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF"),
        ("RAW/RAW/UDP", "RAW/RAW/UDP"),
    ],
)
def test_the_transport_of_an_m_line_is_its_profile(announced: str, relayed: str) -> None:
    assert f"m=video 0 {relayed} 26" in relay(f"m=video 0 {announced} 26")


@pytest.mark.parametrize(
    ("second", "relayed"),
    [
        ("m=application 0 RTP/AVP smart/1/90000", []),
        ("m=audio 0 RTP/AVP (null)", []),
        ("m=audio 0 RTP/AVP (null)\na=rtpmap:97 OPUS/48000", ["m=audio 0 RTP/AVP 97"]),
        ("m=audio 0 RTP/AVP smart/1 97 0", ["m=audio 0 RTP/AVP 97 0"]),
        ("m=audio 0 RTP/AVP 255", ["m=audio 0 RTP/AVP 255"]),
        ("m=application 0 udp wb", ["m=application 0 udp wb"]),
    ],
)
def test_under_rtp_formats_are_numbers_and_the_others_keep_their_controls(
    second: str, relayed: list[str]
) -> None:
    lines = relay(f"m=video 0 RTP/AVP 26\n{second}\nm=text 0 RTP/AVP 98\n")
    media = [line for line in lines if line.startswith("m=")]
    assert media == ["m=video 0 RTP/AVP 26", *relayed, "m=text 0 RTP/AVP 98"]
    assert lines[-1] == "a=control:trackID=2"


def test_only_lines_for_readers_are_written() -> None:
    assert relay(
        "s=x\ni=\nu=\ne=\na=range:npt=0-120\na=group:BUNDLE 0\nm=video 0 RTP/AVP 26\ni=\na=\n"
        "a=sendonly\na=ssrc:1 cname:x\na=framerate:25\n"
    ) == [
        "v=0",
        "o=- 0 0 IN IP4 192.0.2.1",
        "s=x",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "m=video 0 RTP/AVP 26",
        "a=recvonly",
        "a=framerate:25",
        "a=control:trackID=0",
    ]


def test_multicast() -> None:
    description = SessionDescription.parse(
        "v=0\nc=IN IP4 10.0.0.9\nm=video 0 RTP/AVP 96\nc=IN IP4 10.0.0.9\na=rtpmap:96 H264/90000\n"
        "m=audio 0 RTP/AVP 0\n"
    )
    written = description.multicast(
        [MulticastEndpoint("239.1.2.3", 5000, 16), MulticastEndpoint("ff15::1", 5002, 16)],
        address="192.0.2.1",
        name="All",
    )
    assert written.decode().split("\r\n") == [
        "v=0",
        "o=- 0 0 IN IP4 192.0.2.1",
        "s=All",
        "t=0 0",
        "a=control:*",
        "m=video 5000 RTP/AVP 96",
        "c=IN IP4 239.1.2.3/16",
        "a=rtpmap:96 H264/90000",
        "a=control:trackID=0",
        "m=audio 5002 RTP/AVP 0",
        "c=IN IP6 ff15::1",
        "a=control:trackID=1",
        "",
    ]


def test_multicast_needs_an_endpoint_for_each_track() -> None:
    description = SessionDescription.parse("m=video 0 RTP/AVP 26")
    with pytest.raises(ValueError, match="0 multicast endpoints for 1 tracks"):
        description.multicast([], address="192.0.2.1")
