"""Which mount and track a SETUP is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.media.mount import Mount
from headwater.protocol.control import resolve_control, split_control
from headwater.protocol.status import Status
from headwater.server.quirks import track_of_url_without_control
from headwater.server.refusal import Refusal
from headwater.server.role import Role
from headwater.server.session import Session
from headwater.server.session_lookup import controls_of, reader_controls

if TYPE_CHECKING:
    from headwater.server.exchange import Exchange


@dataclass(frozen=True, slots=True)
class SetupTarget:
    """The track of a mount that a SETUP names; `mount` is there for readers only."""

    role: Role
    path: str
    query: str
    track: int
    mount: Mount | None = None


def publisher_target(exchange: Exchange, session: Session) -> SetupTarget:
    """The announced track that a publisher's SETUP names, by the controls of its own SDP."""
    presentation = session.presentation
    if presentation is None:
        raise Refusal(Status.METHOD_NOT_VALID_IN_THIS_STATE, "SETUP comes after ANNOUNCE")
    target = resolve_control(
        exchange.request.uri, controls=controls_of(session), mount=session.path
    )
    if target.path != session.path:
        raise Refusal(
            Status.AGGREGATE_OPERATION_NOT_ALLOWED,
            f"this session belongs to the mount {session.path}, not {target.path}",
        )
    track = _track(target.track, len(presentation.media), session.path)
    return SetupTarget(Role.PUBLISH, session.path, target.query, track)


def reader_target(exchange: Exchange, session: Session | None) -> SetupTarget:
    """The track that a reader's SETUP names: by the session's mount, else by the URL alone.

    Without a mount the target still names the path, so that access is judged before existence.
    """
    mounts, uri = exchange.service.mounts, exchange.request.uri
    target = split_control(uri)
    mount = mounts.get(target.path)
    if mount is None:
        whole = resolve_control(uri, controls=[], mount=None)
        mount = mounts.get(whole.path)
        target = target if mount is None else whole
    if mount is None:
        return SetupTarget(Role.PLAY, target.path, target.query, target.track or 0)
    if session is not None and session.path != mount.path:
        raise Refusal(
            Status.AGGREGATE_OPERATION_NOT_ALLOWED,
            f"this session belongs to the mount {session.path}, not {mount.path}",
        )
    target = resolve_control(uri, controls=reader_controls(mount), mount=mount.path)
    track = _track(target.track, len(mount.tracks), mount.path)
    return SetupTarget(Role.PLAY, mount.path, target.query, track, mount)


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
