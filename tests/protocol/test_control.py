import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.control import ControlTarget, resolve_control, split_control
from headwater.protocol.errors import ProtocolError

OURS = ("trackID=0", "trackID=1")
FFMPEG = ("streamid=0", "streamid=1")
LIVE555 = ("track1", "track2")
WOWZA = ("trackID=1", "trackID=2")
ABSOLUTE = ("rtsp://cam.local/p/video", "rtsp://cam.local/p/audio?x=1")
QUERY = ("?ctype=video", "?ctype=audio")
DEEP = ("live/track=a", "live/track=b")
BROKEN = ("rtsp://[", "trackID=1")
NONE = ("", "*")


@pytest.mark.parametrize(
    ("uri", "controls", "mount", "target"),
    [
        # The presentation as a whole.
        ("rtsp://h/p", OURS, "/p", ("/p", "", None)),
        ("rtsp://h/p/", OURS, "/p", ("/p", "", None)),
        ("rtsp://h/p?q", OURS, "/p", ("/p", "q", None)),
        ("rtsp://h", OURS, "/", ("/", "", None)),
        ("rtsp://h/", OURS, "/", ("/", "", None)),
        ("rtsp://h/a/b", OURS, None, ("/a/b", "", None)),
        # Where clients put the control.
        ("rtsp://h/p/trackID=1", OURS, "/p", ("/p", "", 1)),
        ("rtsp://h/p/trackID=1", OURS, None, ("/p", "", 1)),
        ("rtsp://h/p/trackID=1/", OURS, "/p", ("/p", "", 1)),
        ("rtsp://h/p//trackID=1", OURS, "/p", ("/p", "", 1)),
        ("rtsp://h/p/trackID=1?q", OURS, "/p", ("/p", "q", 1)),
        ("rtsp://h/p?q/trackID=1", OURS, "/p", ("/p", "q", 1)),
        ("rtsp://h/p?q/trackID=1", OURS, None, ("/p", "q", 1)),
        ("rtsp://h/p/?q/trackID=1/", OURS, "/p", ("/p", "q", 1)),
        ("rtsp://h/p?u=a/b/trackID=0", OURS, "/p", ("/p", "u=a/b", 0)),
        ("rtsp://h/ptrackID=1", OURS, "/p", ("/p", "", 1)),
        ("rtsp://h/p/trackID%3D1", OURS, "/p", ("/p", "", 1)),
        ("rtsp://h/trackID=0", OURS, "/", ("/", "", 0)),
        ("rtsp://h/a/b/c/trackID=0", OURS, "/a/b/c", ("/a/b/c", "", 0)),
        ("rtsp://u:p@h:8554/p/trackID=0", OURS, "/p", ("/p", "", 0)),
        ("rtsp://[::1]:8554/p/trackID=0", OURS, "/p", ("/p", "", 0)),
        ("/p/trackID=0", OURS, "/p", ("/p", "", 0)),
        ("rtsp://h/my%20cam/trackID=0", OURS, "/my cam", ("/my cam", "", 0)),
        # Controls of publishers.
        ("rtsp://h/p/streamid=1", FFMPEG, "/p", ("/p", "", 1)),
        ("rtsp://h/p/streamid=1", FFMPEG, None, ("/p", "", 1)),
        ("rtsp://h/p/track1", LIVE555, "/p", ("/p", "", 0)),
        ("rtsp://h/p/track2", LIVE555, None, ("/p", "", 1)),
        ("rtsp://h/p/trackID=1", WOWZA, "/p", ("/p", "", 0)),
        ("rtsp://h/p/trackID=2", WOWZA, "/p", ("/p", "", 1)),
        ("rtsp://h/p/live/track=b", DEEP, "/p", ("/p", "", 1)),
        ("rtsp://h/p?q/live/track=b", DEEP, "/p", ("/p", "q", 1)),
        ("rtsp://h/p?ctype=audio", QUERY, "/p", ("/p", "", 1)),
        ("rtsp://h/p/?ctype=audio", QUERY, "/p", ("/p", "", 1)),
        ("rtsp://h/p/stream=1", NONE, "/p", ("/p", "", 1)),
        ("rtsp://h/p/streamid=1", OURS, "/p", ("/p", "", 1)),
        ("rtsp://h/p/TRACKid=1", OURS, "/p", ("/p", "", 1)),
        # Absolute controls, whatever host they name.
        ("rtsp://cam.local/p/video", ABSOLUTE, "/p", ("/p", "", 0)),
        ("rtsp://10.0.0.1:8554/p/audio?x=1", ABSOLUTE, "/p", ("/p", "", 1)),
        ("rtsp://10.0.0.1:8554/p/video", ABSOLUTE, None, ("/p", "", 0)),
        ("rtsp://h/p/trackID=1", ("", "rtsp://h/p/trackID=1"), None, ("/p", "", 1)),
        ("rtsp://h/p", ("rtsp://h/p",), "/p", ("/p", "", None)),
        ("rtsp://h/v", ("rtsp://h/v",), None, ("/", "", 0)),
        ("rtsp://h/p/audio", ABSOLUTE, "/p", ("/p/audio", "", None)),
        ("rtsp://h/p/trackID=1", BROKEN, "/p", ("/p", "", 1)),
        # A path from the root replaces the base's own.
        ("rtsp://h/p/track1", ("/p/track0", "/p/track1"), "/p", ("/p", "", 1)),
        # Names that only look like controls.
        ("rtsp://h/p/trackID=0", OURS, "/p/trackID=0", ("/p/trackID=0", "", None)),
        ("rtsp://h/p/trackID=0/trackID=0", OURS, "/p/trackID=0", ("/p/trackID=0", "", 0)),
        ("rtsp://h/1", ("1",), "/1", ("/1", "", None)),
        ("rtsp://h/x/stream=1", LIVE555, "/x/stream=1", ("/x/stream=1", "", None)),
        ("rtsp://h/track1", OURS, None, ("/track1", "", None)),
        # A longer control wins, one that leads to the mount before all.
        ("rtsp://h/p/a/b", ("b", "a/b"), None, ("/p", "", 1)),
        ("rtsp://h/p/a/b", ("b", "a/b"), "/p/a", ("/p/a", "", 0)),
        # Other mounts are told as they are.
        ("rtsp://h/other/trackID=1", OURS, "/p", ("/other", "", 1)),
        ("rtsp://h/p/unknown", OURS, "/p", ("/p/unknown", "", None)),
        # Nothing is known of the tracks.
        ("rtsp://h/p/streamid=7", (), "/p", ("/p", "", 7)),
    ],
)
def test_resolve_control(
    uri: str,
    controls: tuple[str, ...],
    mount: str | None,
    target: tuple[str, str, int | None],
) -> None:
    assert resolve_control(uri, controls=controls, mount=mount) == ControlTarget(*target)


def test_a_track_that_is_not_there_is_404() -> None:
    with pytest.raises(ProtocolError, match="there is no track 2; the last is 1") as caught:
        resolve_control("rtsp://h/p/trackID=2", controls=OURS, mount="/p")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("uri", "status"), [("rtsp://h/../trackID=0", 403), ("p/trackID=0", 400), ("*", 400)]
)
def test_a_bad_uri_stays_bad(uri: str, status: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        resolve_control(uri, controls=OURS, mount="/p")
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("rtsp://h/p", ("/p", "", None)),
        ("rtsp://h/p/trackID=3", ("/p", "", 3)),
        ("rtsp://h/p/trackID=3?q", ("/p", "q", 3)),
        ("rtsp://h/p?q/trackID=3", ("/p", "q", 3)),
        ("rtsp://h/p?trackID=3", ("/p", "trackID=3", None)),
        ("rtsp://h/p/streamid=3/", ("/p", "", 3)),
        ("rtsp://h/p/stream=3", ("/p", "", 3)),
        ("rtsp://h/p/mediaID=3", ("/p", "", 3)),
        ("rtsp://h/p/track3", ("/p/track3", "", None)),
        ("rtsp://h/p/trackID=x", ("/p/trackID=x", "", None)),
        ("rtsp://h/trackID=0", ("/", "", 0)),
    ],
)
def test_split_control(uri: str, target: tuple[str, str, int | None]) -> None:
    assert split_control(uri) == ControlTarget(*target)


segments = st.text("ab%2F./=?1", max_size=6)


@given(
    st.text("ab/?=trackID01.%*", max_size=40).map(lambda text: f"rtsp://h/{text}"),
    st.lists(segments | st.sampled_from((*OURS, *ABSOLUTE, *QUERY, *BROKEN)), max_size=4),
    st.none() | segments.map(lambda text: f"/{text}"),
)
def test_any_uri_gives_a_target_or_a_protocol_error(
    uri: str, controls: list[str], mount: str | None
) -> None:
    try:
        target = resolve_control(uri, controls=controls, mount=mount)
    except ProtocolError:
        target = ControlTarget("/", "", None)
    assert target.path.startswith("/")
    assert target.track is None or not controls or target.track < len(controls)
