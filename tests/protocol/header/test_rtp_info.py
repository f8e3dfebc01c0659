import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.header.rtp_info import RtpInfoEntry, format_rtp_info, parse_rtp_info


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        (
            "url=rtsp://h/p/track1;seq=35243;rtptime=717574556",
            [RtpInfoEntry("rtsp://h/p/track1", 35243, 717574556)],
        ),
        (
            "url=trackID=0;seq=1;rtptime=2, url=trackID=1;rtptime=3",
            [RtpInfoEntry("trackID=0", 1, 2), RtpInfoEntry("trackID=1", None, 3)],
        ),
        ("url=a;seq=5", [RtpInfoEntry("a", 5)]),
        ("URL = a ; Seq = 5 ; RtpTime = 6 ", [RtpInfoEntry("a", 5, 6)]),
        ("url=a;rtptime=6;seq=5;ssrc=ee839a80", [RtpInfoEntry("a", 5, 6)]),
        ("url=a;ssrc=1;seq=5", [RtpInfoEntry("a", 5)]),
        ('url="rtsp://h/a,b;c";seq=5', [RtpInfoEntry("rtsp://h/a,b;c", 5)]),
        ("url=rtsp://h/a,b;c;seq=5", [RtpInfoEntry("rtsp://h/a,b;c", 5)]),
        ("url=a;seq=65536;rtptime=4294967296", [RtpInfoEntry("a")]),
        ("url=;seq=5,url=b", [RtpInfoEntry("b")]),
        ("seq=5;rtptime=6", []),
        ("", []),
    ],
)
def test_parse_rtp_info(value: str, entries: list[RtpInfoEntry]) -> None:
    assert parse_rtp_info(value) == entries


@given(
    st.lists(
        st.builds(
            RtpInfoEntry,
            st.from_regex(r"rtsp://[a-z0-9/?=]{1,20}", fullmatch=True),
            st.none() | st.integers(0, 0xFFFF),
            st.none() | st.integers(0, 0xFFFF_FFFF),
        ),
        max_size=4,
    )
)
def test_what_is_written_reads_the_same(entries: list[RtpInfoEntry]) -> None:
    assert parse_rtp_info(format_rtp_info(entries)) == entries


@given(st.lists(st.sampled_from(["url=", ";seq=", ",", "1", "a", ";", '"']) | st.text()))
def test_any_value_is_read(pieces: list[str]) -> None:
    assert all(entry.url for entry in parse_rtp_info("".join(pieces)))
