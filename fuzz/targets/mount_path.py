"""Mount paths."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import RtspUri, decoded_path, mount_path
from headwater.server.request_uri import encode_path, loggable_uri


def run(data: bytes) -> None:
    text = text_of(data)
    loggable_uri(text).encode("utf-8", "replace")
    try:
        path = mount_path(RtspUri.parse(text))
    except ProtocolError as error:
        check_blame(error)
        return
    assert path.startswith("/")
    assert path == "/" or not path.endswith("/")
    assert "//" not in path
    assert "\\" not in path
    assert not {".", ".."} & set(path.split("/"))
    assert all(character >= " " and character != "\x7f" for character in path)
    assert decoded_path(encode_path(path)) == path


TARGET = Target(
    invariant="a path cannot leave its name space and holds no control character, or ProtocolError",
    run=run,
    words=tuple(b"rtsp://h / // /./ /../ .. %2e %2F %5c \\ %00 %0a %C3%A9 %ff ? a b *".split()),
    max_bytes=256,
)
