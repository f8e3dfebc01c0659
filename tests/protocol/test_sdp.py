import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import MediaDescription, RtpMap, SessionDescription
from headwater.protocol.wire_limits import DescriptionLimits

FFMPEG = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "a=tool:libavformat 59.27.100\r\n"
    "m=video 0 RTP/AVP 96\r\nb=AS:600\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAFNoFB+wEQAAAAwBAAAAMoPFCqA==,"
    "aM4PyA==; profile-level-id=42C014\r\na=control:streamid=0\r\n"
    "m=audio 0 RTP/AVP 97\r\nb=AS:128\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n"
    "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
    " config=1210\r\na=control:streamid=1\r\n"
)
GSTREAMER = (
    "v=0\r\no=- 1188340656180883 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\n"
    "i=rtspclientsink\r\nt=0 0\r\na=tool:GStreamer\r\na=type:broadcast\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\nb=AS:2048\r\na=rtpmap:96 H264/90000\r\n"
    "a=framerate:25\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z/QADZDZZA==,aOvMRIRA;"
    "profile-level-id=f4000d\r\na=ts-refclk:local\r\na=mediaclk:sender\r\na=control:stream=0\r\n"
)
DAHUA = (
    "v=0\no=- 2273421142 2273421142 IN IP4 0.0.0.0\ns=Media Server\nc=IN IP4 0.0.0.0\nt=0 0\n"
    "a=control:*\na=packetization-supported:DH\na=range:npt=now-\n"
    "m=video 0 RTP/AVP 96\na=control:trackID=0\na=framerate:15.000000\na=rtpmap:96 H264/90000\n"
    "a=fmtp:96 packetization-mode=1;profile-level-id=64002A\na=recvonly\n"
    "m=audio 0 RTP/AVP 8\na=control:trackID=1\na=rtpmap:8 PCMA/8000\na=recvonly\n"
    "m=application 0 RTP/AVP 107\na=control:trackID=4\na=rtpmap:107 vnd.onvif.metadata/90000\n"
)
UNIVIEW = (
    "v=0\r\no=- 1001 1 IN \r\ns=VCP IPC Realtime stream\r\nm=video 0 RTP/AVP 105\r\nc=IN \r\n"
    "a=control:rtsp://192.168.0.60/media/video1/video\r\na=rtpmap:105 H264/90000\r\n"
    "a=fmtp:105 profile-level-id=640032; packetization-mode=1; "
    "sprop-parameter-sets=Z2Q=,aOqPLA==\r\n"
    "a=recvonly\r\n"
)
TUYA = (
    b"v=0\r\no=- 1 1 IN IP4 '&\x95\xf3\r\ns=C5 \xd0\r\nm=video -1353744643 RTP/AVP 96\r\n"
    b"c=IN IP4 '&\x95\xf3\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
)


def parse_media(*lines: str) -> MediaDescription:
    return SessionDescription.parse("\n".join(["v=0", *lines])).media[0]


@pytest.mark.parametrize(
    ("text", "tracks"),
    [
        (
            FFMPEG,
            [
                ("video", (96,), "H264", 90_000, "streamid=0"),
                ("audio", (97,), "MPEG4-GENERIC", 44_100, "streamid=1"),
            ],
        ),
        (GSTREAMER, [("video", (96,), "H264", 90_000, "stream=0")]),
        (
            DAHUA,
            [
                ("video", (96,), "H264", 90_000, "trackID=0"),
                ("audio", (8,), "PCMA", 8_000, "trackID=1"),
                ("application", (107,), "VND.ONVIF.METADATA", 90_000, "trackID=4"),
            ],
        ),
        (
            UNIVIEW,
            [("video", (105,), "H264", 90_000, "rtsp://192.168.0.60/media/video1/video")],
        ),
        (TUYA, [("video", (96,), "H264", 90_000, "trackID=0")]),
    ],
    ids=["ffmpeg", "gstreamer", "dahua", "uniview", "tuya"],
)
def test_what_publishers_and_cameras_send(text: str, tracks: list[tuple[object, ...]]) -> None:
    description = SessionDescription.parse(text)
    assert [
        (media.kind, media.formats, media.encoding, media.clock_rate_hz, media.control)
        for media in description.media
    ] == tracks


def test_every_field_of_a_section() -> None:
    video, audio = SessionDescription.parse(FFMPEG).media
    assert video.protocol == "RTP/AVP"
    assert video.port == 0
    assert video.bandwidth == {"AS": 600}
    assert video.direction is None
    assert video.fmtp[96] == {
        "packetization-mode": "1",
        "sprop-parameter-sets": "Z0LAFNoFB+wEQAAAAwBAAAAMoPFCqA==,aM4PyA==",
        "profile-level-id": "42C014",
    }
    assert audio.rtpmap == {97: RtpMap("MPEG4-GENERIC", 44_100, 2)}
    assert audio.fmtp[97]["config"] == "1210"
    assert SessionDescription.parse(DAHUA).media[0].direction == "recvonly"


def test_the_session_level() -> None:
    description = SessionDescription.parse(DAHUA)
    assert description.name == "Media Server"
    assert description.control == "*"
    assert description.range_text == "npt=now-"
    bare = SessionDescription.parse("m=video 0 RTP/AVP 96")
    assert (bare.name, bare.control, bare.range_text, bare.lines) == ("", None, None, ())


def test_lines_are_kept_as_they_came() -> None:
    description = SessionDescription.parse(UNIVIEW)
    assert description.lines == ("v=0", "o=- 1001 1 IN ", "s=VCP IPC Realtime stream")
    assert description.media[0].lines[1] == "c=IN "


@pytest.mark.parametrize(
    ("payload_type", "encoding", "clock_rate_hz", "channels"),
    [
        (0, "PCMU", 8_000, 1),
        (8, "PCMA", 8_000, 1),
        (10, "L16", 44_100, 2),
        (14, "MPA", 90_000, 1),
        (26, "JPEG", 90_000, 1),
        (33, "MP2T", 90_000, 1),
    ],
)
def test_static_payload_types_need_no_rtpmap(
    payload_type: int, encoding: str, clock_rate_hz: int, channels: int
) -> None:
    media = parse_media(f"m=audio 0 RTP/AVP {payload_type}")
    assert media.rtpmap == {payload_type: RtpMap(encoding, clock_rate_hz, channels)}
    assert media.encoding == encoding
    assert media.clock_rate_hz == clock_rate_hz


def test_an_rtpmap_goes_before_the_static_table() -> None:
    media = parse_media("m=video 0 RTP/AVP 26", "a=rtpmap:26 H264/90000")
    assert media.encoding == "H264"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=rtpmap:96 H264/90000", RtpMap("H264", 90_000)),
        ("a=rtpmap: 96 H264/90000", RtpMap("H264", 90_000)),
        ("a=rtpmap:96   h264 / 90000 ", RtpMap("H264", 90_000)),
        ("a=rtpmap:96\tH264/90000", RtpMap("H264", 90_000)),
        (" a=rtpmap:96 H264/90000", RtpMap("H264", 90_000)),
        ("a=RTPMAP:96 H264/90000", RtpMap("H264", 90_000)),
        ("a=rtpmap:96 OPUS/48000/2", RtpMap("OPUS", 48_000, 2)),
        ("a=rtpmap:96 L16/48000 / 6", RtpMap("L16", 48_000, 6)),
        ("a=rtpmap:96 H264", RtpMap("H264", 90_000)),
        ("a=rtpmap:96 H264/0", RtpMap("H264", 90_000)),
        ("a=rtpmap:96 H264/90000/0", RtpMap("H264", 90_000)),
        ("a=rtpmap:96", None),
        ("a=rtpmap:", None),
        ("a=rtpmap", None),
        ("a=rtpmap:x H264/90000", None),
        ("a=rtpmap:٣٣ H264/90000", None),
    ],
)
def test_rtpmap_with_odd_spacing(line: str, expected: RtpMap | None) -> None:
    assert parse_media("m=video 0 RTP/AVP 96", line).rtpmap.get(96) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=fmtp:96 packetization-mode=1", {"packetization-mode": "1"}),
        ("a=fmtp: 96  Mode=AAC-hbr ;SizeLength = 13;", {"mode": "AAC-hbr", "sizelength": "13"}),
        ("a=fmtp:96 sprop=Z2Q=,aO4=;;", {"sprop": "Z2Q=,aO4="}),
        ("a=fmtp:96 0-15", {"0-15": ""}),
        ("a=fmtp:96 DecoderTag=h3c-v3 RTCP=0", {"decodertag": "h3c-v3 RTCP=0"}),
        ("a=fmtp:96 =1;=", {}),
        ("a=fmtp:96", {}),
        ("a=fmtp:96x mode=1", None),
        ("a=fmtp:", None),
    ],
)
def test_fmtp_good_and_bad(line: str, expected: dict[str, str] | None) -> None:
    assert parse_media("m=video 0 RTP/AVP 96", line).fmtp.get(96) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], set()),
        (["a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli"], {"nack", "nack pli"}),
        (["a=rtcp-fb:*  CCM   FIR "], {"ccm fir"}),
        (["a=RTCP-FB:96 ccm fir"], {"ccm fir"}),
        (["a=rtcp-fb:96", "a=rtcp-fb"], {""}),
    ],
)
def test_feedback_that_the_publisher_understands(lines: list[str], expected: set[str]) -> None:
    section = parse_media("m=video 0 RTP/AVPF 96", "a=rtpmap:96 H264/90000", *lines)
    assert section.rtcp_feedback == expected


def test_fmtp_over_several_lines_is_one() -> None:
    media = parse_media("m=video 0 RTP/AVP 96", "a=fmtp:96 a=1", "a=fmtp:96 b=2")
    assert media.fmtp == {96: {"a": "1", "b": "2"}}


@pytest.mark.parametrize(
    ("line", "port", "protocol", "formats"),
    [
        ("m=video 49170/2 RTP/AVP 31", 49170, "RTP/AVP", (31,)),
        ("m=video 0 RTP/SAVPF 96 97", 0, "RTP/SAVPF", (96, 97)),
        ("m=video -1 RTP/AVP 96", 0, "RTP/AVP", (96,)),
        ("m=video  0   RTP/AVP\t96 ", 0, "RTP/AVP", (96,)),
        ("m=whiteboard 32416 UDP WB", 32416, "UDP", ()),
        ("m=video 0 RTP/AVP 96 200 99999999999999999999", 0, "RTP/AVP", (96,)),
    ],
)
def test_media_lines(line: str, port: int, protocol: str, formats: tuple[int, ...]) -> None:
    media = parse_media(line)
    assert (media.port, media.protocol, media.formats) == (port, protocol, formats)


def test_formats_missing_from_the_media_line_come_from_rtpmap() -> None:
    media = parse_media("m=video", "a=rtpmap:96 H264/90000")
    assert (media.formats, media.protocol, media.port) == ((96,), "RTP/AVP", 0)


def test_a_lone_rtpmap_serves_a_payload_type_numbered_otherwise() -> None:
    lone = parse_media("m=video 0 RTP/AVP 96", "a=rtpmap:97 H264/90000")
    assert lone.encoding == "H264"
    two = parse_media("m=video 0 RTP/AVP 96", "a=rtpmap:97 H264/90000", "a=rtpmap:98 H265/90000")
    assert (two.encoding, two.clock_rate_hz) == ("", 90_000)


def test_bandwidth_that_is_no_number_is_left_out() -> None:
    media = parse_media("m=video 0 RTP/AVP 96", "b=AS:x", "b=TIAS:64000", "b=AS")
    assert media.bandwidth == {"TIAS": 64_000}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\r\n", "\0\r\n", " \r\n \r\n"])
def test_line_ends(end: str) -> None:
    text = end.join(["v=0", "s=x", "m=video 0 RTP/AVP 96", "a=control:trackID=1", ""])
    description = SessionDescription.parse("\ufeff" + text)
    assert description.media[0].control == "trackID=1"
    assert description.name == "x"


def test_an_empty_control_is_none() -> None:
    media = parse_media("m=video 0 RTP/AVP 96", "a=control:", "a=control")
    assert media.control is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no m= line"),
        (b"\r\n\r\n", "no m= line"),
        (b"v=0\r\ns=x\r\nt=0 0\r\n", "no m= line"),
        (b"\x00\xff\xfe\x80", "no m= line"),
        (b"m=\r\n", "no media type"),
        (b"m=video 0 RTP/AVP\r\n", "no format in the SDP"),
        ("m=video 0 RTP/AVP 96 \ud800", "no encoding"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as caught:
        SessionDescription.parse(text)
    assert caught.value.status == 400
    assert caught.value.where is not None


def test_bytes_that_are_no_utf8_come_out_as_they_went_in() -> None:
    description = SessionDescription.parse(TUYA + b"i=\xff\xfe\r\n")
    relayed = description.relayed(address="192.0.2.1")
    assert b"s=C5 \xd0\r\n" in relayed
    assert b"i=\xff\xfe\r\n" in relayed
    assert description.name == "C5 ?"


def test_equality_is_of_lines() -> None:
    assert SessionDescription.parse(FFMPEG) == SessionDescription.parse(FFMPEG.encode())
    assert hash(SessionDescription.parse(FFMPEG)) == hash(SessionDescription.parse(FFMPEG))
    assert SessionDescription.parse(FFMPEG) != SessionDescription.parse(GSTREAMER)


CHANGED = [
    ("number of tracks", FFMPEG, FFMPEG.partition("m=audio")[0]),
    ("track 0: media type", FFMPEG, FFMPEG.replace("m=video", "m=audio")),
    ("track 1: transport", FFMPEG, FFMPEG.replace("RTP/AVP 97", "RTP/SAVP 97")),
    ("track 0: formats", FFMPEG, FFMPEG.replace("RTP/AVP 96", "RTP/AVP 98")),
    ("track 0: rtpmap", FFMPEG, FFMPEG.replace("H264/", "H265/")),
    ("track 1: rtpmap", FFMPEG, FFMPEG.replace("44100/2", "44100/1")),
    ("track 0: fmtp", FFMPEG, FFMPEG.replace("Z0LA", "Z0LB")),
    ("track 1: fmtp", FFMPEG, FFMPEG.replace("1210", "1190")),
]


@pytest.mark.parametrize(("reason", "before", "after"), CHANGED)
def test_another_stream_may_not_take_over(reason: str, before: str, after: str) -> None:
    answer = SessionDescription.parse(before).compatible_with(SessionDescription.parse(after))
    assert answer is not None
    assert answer.startswith(reason)
    assert len(answer) < 300


@pytest.mark.parametrize(("reason", "before", "after"), CHANGED)
def test_another_encoder_may_differ_in_the_parameters_of_pictures(
    reason: str, before: str, after: str
) -> None:
    other = SessionDescription.parse(after)
    answer = SessionDescription.parse(before).compatible_with(other, same_encoder=False)
    assert (answer is None) is (reason == "track 0: fmtp")


@pytest.mark.parametrize(
    "after",
    [
        FFMPEG,
        FFMPEG.replace("127.0.0.1", "192.0.2.7").replace("No Name", "again"),
        FFMPEG.replace("streamid=", "trackID=").replace("\r\n", "\n"),
        FFMPEG.replace("H264", "h264").replace("AS:600", "AS:700"),
        FFMPEG.replace("profile-level-id=1;mode=AAC-hbr", "mode=AAC-hbr; profile-level-id=1"),
        FFMPEG.replace("mode=AAC-hbr", "mode=aac-HBR"),
        FFMPEG.replace("RTP/AVP", "rtp/avp/TCP"),
        FFMPEG.replace("RTP/AVP 96", "RTP/AVP 96 smart/1"),
        FFMPEG.replace("a=rtpmap:96", "a=rtpmap:99 VP8/90000\r\na=fmtp:99 x=1\r\na=rtpmap:96"),
    ],
)
def test_the_same_stream_from_elsewhere_may_take_over(after: str) -> None:
    before = SessionDescription.parse(FFMPEG)
    assert before.compatible_with(SessionDescription.parse(after)) is None


@pytest.mark.parametrize("formats", ["(null)", "smart/1/90000"])
def test_a_description_without_a_payload_type_is_refused(formats: str) -> None:
    with pytest.raises(
        ProtocolError, match="no format that is a payload type number in the SDP"
    ) as caught:
        SessionDescription.parse(f"m=audio 0 RTP/AVP {formats}")
    assert caught.value.status == 400


def test_a_static_type_with_and_without_rtpmap_is_the_same() -> None:
    bare = SessionDescription.parse("m=audio 0 RTP/AVP 0")
    spelt = SessionDescription.parse("m=audio 0 RTP/AVP 0\na=rtpmap:0 pcmu/8000/1")
    assert bare.compatible_with(spelt) is None


def read(text: str | bytes) -> SessionDescription | None:
    try:
        return SessionDescription.parse(text)
    except ProtocolError:
        return None


@given(st.binary(max_size=400))
@example(b"\xc2\x00\x80")
def test_any_bytes_give_a_value_or_a_protocol_error(noise: bytes) -> None:
    read(noise)
    description = read(b"v=0\nm=video 0 RTP/AVP 96\na=fmtp:96 " + noise)
    assert description is not None or b"m=" in noise
    if description is not None:
        again = SessionDescription.parse(description.relayed(address="192.0.2.1"))
        assert description.compatible_with(again) is None


LINES = st.lists(
    st.sampled_from(
        [
            *FFMPEG.split("\r\n"),
            *DAHUA.split("\n"),
            *("v=", "o=", "s=", "a=", "a=rtpmap:", "a=sendonly", "b=", "m", "m=x", "x"),
            *("m=video 0 RTP/AVP 0 8", "c=IN c=IN IP4 0.0.0.0", "z=0 1", "r=7d 1h", "k=clear:x"),
        ]
    ),
    max_size=20,
)


@given(LINES)
def test_relaying_twice_changes_nothing_more(lines: list[str]) -> None:
    description = read("\n".join(lines))
    if description is not None:
        once = description.relayed(address="192.0.2.1")
        twice = SessionDescription.parse(once).relayed(address="192.0.2.1")
        assert once == twice


def test_time_grows_with_size_only() -> None:
    text = "m=video 0 RTP/AVP 96\n" + "a=rtpmap:96" + " " * 200_000 + "\na=fmtp:96" + "\t" * 200_000
    limits = DescriptionLimits(max_items=200_000)
    media = SessionDescription.parse(text + "x;" * 100_000, limits=limits).media[0]
    assert media.fmtp == {96: {"x": ""}}
