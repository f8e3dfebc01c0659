"""What the device does wrong, each a switch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


class AnswerBody(StrEnum):
    """What stands in the body of an answer over HTTP."""

    RIGHT = auto()
    GARBAGE = auto()
    """Bytes that are no XML, with status 200."""
    NO_HTTP = auto()
    """Bytes that are no HTTP."""
    HUGE = auto()
    """More bytes than anybody should read, as fast as they are taken."""
    ENTITY_BOMB = auto()
    """A document whose entities make gigabytes of it."""
    DEEP = auto()
    """Elements within elements, a hundred thousand of them."""
    COMPRESSED = auto()
    """Compressed, though nobody asked for it: a kilobyte that makes a megabyte."""
    TRICKLE = auto()
    """A byte now and then, for ever."""
    SILENCE = auto()
    """The request is read, and nothing is answered."""
    HANG_UP = auto()
    """The connection is closed without an answer."""


@dataclass(frozen=True, kw_only=True)
class Oddities:
    """What differs from a device that behaves; the default is one that does.

    Attributes:
        told_host: the host in XAddrs and stream URIs, in place of the device's own.
        told_port: the port in the XAddrs of its services, in place of its own.
        clock_ahead_s: how far its clock is ahead of the right time.
        media1: whether it has the first Media service.
        media2: whether it has the second Media service; older devices have not.
        services: whether it knows GetServices; older devices know GetCapabilities alone.
        delay_s: how long it thinks before each answer over HTTP.
        body: what it answers over HTTP.
        body_of: the operation that is answered with `body`; empty for all of them.
        refuses_addressing: whether a WS-Addressing header is refused.
        refuses_login_on_clock: whether GetSystemDateAndTime is refused where a wrong login is
            sent along, though it needs none.
        stream_uris: what GetStreamUri answers in place of the right URI, by profile token.
        discovery_answers: datagrams with which a Probe is answered in place of the right one.
        flood: how many answers with other names precede the right one.
    """

    told_host: str = ""
    told_port: int = 0
    clock_ahead_s: float = 0.0
    media1: bool = True
    media2: bool = True
    services: bool = True
    delay_s: float = 0.0
    body: AnswerBody = AnswerBody.RIGHT
    body_of: str = ""
    refuses_addressing: bool = False
    refuses_login_on_clock: bool = False
    stream_uris: tuple[tuple[str, str], ...] = ()
    discovery_answers: tuple[bytes, ...] = ()
    flood: int = 0
