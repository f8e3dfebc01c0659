import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import RtspUri, mount_path


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("rtsp://h/p", ("rtsp", "h", None, None, None, "/p", "")),
        ("rtsp://h:8554/a/b?x=1&y", ("rtsp", "h", 8554, None, None, "/a/b", "x=1&y")),
        ("RTSPS://H/p", ("rtsps", "H", None, None, None, "/p", "")),
        ("rtspu://h", ("rtspu", "h", None, None, None, "", "")),
        ("rtsp://h?q", ("rtsp", "h", None, None, None, "", "q")),
        ("rtsp://h/p?q/trackID=0?r", ("rtsp", "h", None, None, None, "/p", "q/trackID=0?r")),
        ("rtsp://h:/p", ("rtsp", "h", None, None, None, "/p", "")),
        ("rtsp://u:p@h/p", ("rtsp", "h", None, "u", "p", "/p", "")),
        ("rtsp://u@h/p", ("rtsp", "h", None, "u", None, "/p", "")),
        ("rtsp://:@h/p", ("rtsp", "h", None, "", "", "/p", "")),
        ("rtsp://u%40x:p%3A%25@h/p", ("rtsp", "h", None, "u@x", "p:%", "/p", "")),
        ("rtsp://u:100%@h/p", ("rtsp", "h", None, "u", "100%", "/p", "")),
        ("rtsp://u:p@ss@h/p", ("rtsp", "h", None, "u", "p@ss", "/p", "")),
        ("rtsp://u:a:b@h/p", ("rtsp", "h", None, "u", "a:b", "/p", "")),
        ("rtsp://h/p@1", ("rtsp", "h", None, None, None, "/p@1", "")),
        ("rtsp://[::1]:554/p", ("rtsp", "::1", 554, None, None, "/p", "")),
        ("rtsp://[fe80::1%25eth0]/p", ("rtsp", "fe80::1%25eth0", None, None, None, "/p", "")),
        ("rtsp://u:p@[::1]/p", ("rtsp", "::1", None, "u", "p", "/p", "")),
        ("rtsp://h/~u/my cam/é", ("rtsp", "h", None, None, None, "/~u/my cam/é", "")),
        ("/p?q", ("", "", None, None, None, "/p", "q")),
        ("*", ("", "", None, None, None, "*", "")),
    ],
)
def test_parse(text: str, parts: tuple[object, ...]) -> None:
    uri = RtspUri.parse(text)

    assert (
        uri.scheme,
        uri.host,
        uri.port,
        uri.username,
        uri.password,
        uri.path,
        uri.query,
    ) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p",
        "h/p",
        "rtsp:/h/p",
        "rtsp:h",
        "http://h/p",
        "rtsp://",
        "rtsp:///p",
        "rtsp://:554/p",
        "rtsp://h:x/p",
        "rtsp://h:0/p",
        "rtsp://h:65536/p",
        "rtsp://h:-1/p",
        "rtsp://h:１/p",
        "rtsp://u:pa/ss@h/p",
        "rtsp://[::1/p",
        "rtsp://[::1]x/p",
        "rtsp://[g::]/p",
        "rtsp://::1/p",
        "rtsp://my host/p",
        "rtsp://h/\x00",
        "rtsp://h/a\r\nb",
        "rtsp://h/\ud800",
    ],
)
def test_what_cannot_be_read_is_400_and_says_where(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        RtspUri.parse(text)
    assert caught.value.status == 400
    assert caught.value.where == "request URI"
    assert caught.value.offset is not None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://u:p@h:8554/a?q", "rtsp://h:8554/a?q"),
        ("rtsp://u:p@[::1]:8554/a", "rtsp://[::1]:8554/a"),
        ("rtsp://h", "rtsp://h"),
        ("/a?q", "/a?q"),
        ("*", "*"),
    ],
)
def test_without_credentials(text: str, shown: str) -> None:
    uri = RtspUri.parse(text)

    assert uri.without_credentials == shown
    assert str(uri) == shown


def test_the_password_is_in_no_text() -> None:
    uri = RtspUri.parse("rtsp://u:s3cret@h/p")

    assert "s3cret" not in repr(uri)
    assert "s3cret" not in str(uri)


@pytest.mark.parametrize(
    ("text", "port"),
    [("rtsp://h/p", 554), ("rtsps://h/p", 322), ("rtsp://h:9/p", 9), ("/p", 554)],
)
def test_effective_port(text: str, port: int) -> None:
    assert RtspUri.parse(text).effective_port == port


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("rtsp://h", "/"),
        ("rtsp://h/", "/"),
        ("rtsp://h?q", "/"),
        ("rtsp://h/p", "/p"),
        ("rtsp://h/p/", "/p"),
        ("rtsp://h//p", "/p"),
        ("rtsp://h/a/b//c/?q/../x", "/a/b/c"),
        ("rtsp://h/my%20cam", "/my cam"),
        ("rtsp://h/my cam", "/my cam"),
        ("rtsp://h/%C3%A9", "/é"),
        ("rtsp://h/é", "/é"),
        ("rtsp://h/~u/p@1", "/~u/p@1"),
        ("rtsp://h/a%2Fb", "/a/b"),
        ("rtsp://h/100%", "/100%"),
        ("rtsp://h/%252e%252e", "/%2e%2e"),
        ("rtsp://h/..a/b...", "/..a/b..."),
        ("/a", "/a"),
    ],
)
def test_mount_path(text: str, path: str) -> None:
    assert mount_path(RtspUri.parse(text)) == path


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("rtsp://h/../etc", 403),
        ("rtsp://h/a/./b", 403),
        ("rtsp://h/a/%2e%2E/b", 403),
        ("rtsp://h/a%2F..%2Fb", 403),
        ("rtsp://h/a\\..\\b", 403),
        ("rtsp://h/a%5Cb", 403),
        ("rtsp://h/a%00b", 400),
        ("rtsp://h/a%0d%0ab", 400),
        ("rtsp://h/%C2%85", 400),
        ("rtsp://h/%FF", 400),
        ("*", 400),
    ],
)
def test_a_path_cannot_leave_its_name_space(text: str, status: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        mount_path(RtspUri.parse(text))
    assert caught.value.status == status


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"rtsp://{text}"))
def test_any_text_gives_a_path_or_a_protocol_error(text: str) -> None:
    try:
        path = mount_path(RtspUri.parse(text))
    except ProtocolError:
        path = "/"
    assert path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))
    assert not path.endswith("/") or path == "/"
    assert "\x00" not in path
