"""Which mount and track a URI means."""

from __future__ import annotations

from fuzz.target import Target, check_blame, fields, text_of
from headwater.protocol.control import resolve_control, split_control
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import RtspUri, mount_path


def run(data: bytes) -> None:
    raw_uri, raw_mount, raw_controls = fields(data, 3)
    uri = text_of(raw_uri)
    controls = [text_of(part) for part in raw_controls.split(b"\n")][:4] if raw_controls else []
    try:
        mount = mount_path(RtspUri.parse(text_of(raw_mount))) if raw_mount else None
        target = resolve_control(uri, controls=controls, mount=mount)
    except ProtocolError as error:
        check_blame(error)
    else:
        assert target.path.startswith("/")
        assert target.track is None or target.track >= 0
        assert not controls or target.track is None or target.track < len(controls)
    try:
        alone = split_control(uri)
    except ProtocolError as error:
        check_blame(error)
        return
    assert alone.track is None or 0 <= alone.track < 10_000
    assert not {".", ".."} & set(alone.path.split("/"))


TARGET = Target(
    invariant="a URI means a mount, and a track among those there are or none, or ProtocolError",
    run=run,
    words=(
        *(b"rtsp://h/a", b"rtsp://h/a?q", b"/trackID=0", b"/streamid=1", b"trackID=0", b"?x=1"),
        *(b"*", b"/", b"%2F", b"track1", b"rtsp://o/a/b", b"stream=0", b"mediaID=3", b"\0", b"\n"),
    ),
)
