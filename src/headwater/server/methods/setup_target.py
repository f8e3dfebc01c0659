"""Which mount and track a SETUP is about."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.protocol.control import resolve_control, split_control
from headwater.protocol.sdp_relay import reader_controls
from headwater.protocol.status import Status
from headwater.server.quirks import track_of_url_without_control
from headwater.server.refusal import Refusal
from headwater.server.sessions.lookup import require_mount
from headwater.server.sessions.session import PublisherSession, ReaderSession


@dataclass(frozen=True, slots=True)
class SetupTarget:
    """The track of a mount that a SETUP names; `mount` is there for readers of one that lives."""

    path: str
    query: str
    track: int
    mount: Mount | None = None


def publisher_target(uri: str, session: PublisherSession) -> SetupTarget:
    """Return the announced track that a publisher's SETUP names, by the controls of its own SDP."""
    target = resolve_control(uri, controls=session.controls, mount=session.path)
    require_mount(session, target.path)
    track = _track(target.track, len(session.presentation.media), session.path)
    return SetupTarget(session.path, target.query, track)


def reader_target(uri: str, mounts: MountTable, session: ReaderSession | None) -> SetupTarget:
    """Return the track that a reader's SETUP names: by the session's mount, else by the URL alone.

    Without a mount the target still names the path, so that access is judged before existence.
    """
    target = split_control(uri)
    mount = mounts.get(target.path)
    if mount is None:
        return SetupTarget(target.path, target.query, target.track or 0)
    if session is not None:
        require_mount(session, mount.path)
    target = resolve_control(uri, controls=reader_controls(len(mount.tracks)), mount=mount.path)
    track = _track(target.track, len(mount.tracks), mount.path)
    return SetupTarget(mount.path, target.query, track, mount)


def _track(index: int | None, count: int, path: str) -> int:
    index = track_of_url_without_control(index, count)
    if index is None:
        raise Refusal(
            Status.AGGREGATE_OPERATION_NOT_ALLOWED,
            f"{path} has {count} tracks; SETUP takes the URL of one of them",
        )
    if not 0 <= index < count:
        raise Refusal(Status.NOT_FOUND, f"{path} has no track {index}; it has {count}")
    return index
