import pytest

from headwater.protocol.sdp_line_for_readers import line_for_readers

AS_THEY_CAME = (
    "i=garden",
    "u=http://x/",
    "e=me@x (me)",
    "k=prompt",
    "b=AS:700",
    "b=TIAS: 700000",
    "a=tool:libavformat",
    "a=type:broadcast",
    "a=charset:utf-8",
    "a=rtpmap:96  H264/90000",
    "a=fmtp:96",
    "a=x-qt-text-inf:",
    "a=framerate:25 ",
    "a=rtcp-fb:96 nack pli",
    "a=extmap:1 urn:x",
    "a=key-mgmt:mikey AQAFgM0X",
    "a=mid:1",
    "a=group:LS 1 2",
    "a=recvonly",
    "a=inactive",
    "a=range:npt=now-",
    "a=range:npt=0.000-",
    "a=range:clock=20240101T000000Z-",
)


@pytest.mark.parametrize("line", AS_THEY_CAME)
def test_what_readers_can_rely_on_passes_as_it_came(line: str) -> None:
    assert line_for_readers(line) == line


@pytest.mark.parametrize("line", [f"{letter}=" for letter in "siuepbka"] + ["i= ", "a=\t"])
def test_a_line_without_a_value_is_none(line: str) -> None:
    assert line_for_readers(line) is None


@pytest.mark.parametrize("line", ["q=?", "X=1", "this is no line", "a = control:x", "m=video"])
def test_what_strict_readers_do_not_know_goes(line: str) -> None:
    assert line_for_readers(line) is None


@pytest.mark.parametrize(
    "line",
    ["t=3034423619 3042462419", "r=7d 1h 0", "z=1 2", "v=0", "o=- 1 1 IN IP4 x", "c=IN IP4 x"],
)
def test_what_the_relay_writes_itself_goes(line: str) -> None:
    assert line_for_readers(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "a=control:trackID=1",
        "a=CONTROL:*",
        "a=etag:1234",
        "a=rtcp:53020 IN IP4 10.0.0.9",
        "a=rtcp-mux",
        "a=source-filter: incl IN IP4 * 10.0.0.9",
        "a=ssrc:1234 cname:x",
        "a=ssrc-group:FID 1 2",
        "a=group:BUNDLE 0 1",
        "a=candidate:1 1 UDP 2130706431 10.0.0.9 5000 typ host",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:efgh",
        "a=fingerprint:sha-256 AA:BB",
        "a=setup:actpass",
        "a=connection:new",
        "b=RR:0",
        "b=RS:800",
    ],
)
def test_what_is_about_the_publishers_connection_goes(line: str) -> None:
    assert line_for_readers(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "a=range:npt=0-120",
        "a=range:npt=-120",
        "a=range:clock=20240101T000000Z-20240101T010000Z",
        "a=range:smpte=0:10:20-0:20:00",
        "a=range:npt=x-",
        "a=range:now",
        "a=range",
    ],
)
def test_a_range_with_an_end_is_a_files(line: str) -> None:
    assert line_for_readers(line) is None


@pytest.mark.parametrize("line", ["b=AS", "b=AS:much", "b=AS:1.5", "b=:1", "a=:x", "a=two words"])
def test_what_has_no_sense_goes(line: str) -> None:
    assert line_for_readers(line) is None


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("a=sendonly", "a=recvonly"),
        ("a=sendrecv", "a=recvonly"),
        ("  a=framerate:25", "a=framerate:25"),
        ("a= framerate : 25", "a=framerate: 25"),
        ("a= range :npt=now-", "a=range:npt=now-"),
        ("a= group : LS 1 2", "a=group: LS 1 2"),
    ],
)
def test_what_is_put_right(line: str, written: str) -> None:
    assert line_for_readers(line) == written
