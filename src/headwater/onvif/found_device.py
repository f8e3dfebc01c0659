"""What was found: devices, and the streams that each of them offers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OnvifState(StrEnum):
    """How far a device told what was asked."""

    TOLD = "told"
    """It told its streams; there may be none."""
    PASSWORD_NEEDED = "password needed"  # noqa: S105 (a state)
    """It tells its streams to nobody without a name and a password."""
    PASSWORD_REFUSED = "password refused"  # noqa: S105 (a state)
    """It does not take the name and the password."""
    SILENT = "silent"
    """It could not be reached over HTTP, or did not answer in time."""
    UNREADABLE = "unreadable"
    """Its answers are not what ONVIF says, or it breaks connections off without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OnvifStream:
    """A stream that a device offers: one of its media profiles.

    Attributes:
        profile: the token of the profile.
        name: the name of the profile.
        url: where to play it (`rtsp://…`), without user and password.
        encoding: the codec as the device names it, such as `H264` or `H265`; empty if not told.
        width: width of the picture in pixels, 0 if not told.
        height: height of the picture in pixels, 0 if not told.
        frame_rate: pictures a second at most, 0 if not told.
    """

    profile: str
    name: str
    url: str
    encoding: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OnvifDevice:
    """A device that was found.

    All texts are the device's own words, in printable characters.

    Attributes:
        host: the address that answered.
        service_url: the URL of its device service, at this address.
        state: how far it told what was asked.
        problem: what went wrong, in words; empty if nothing did.
        name: its name, empty if not told.
        hardware: its kind of hardware, as it announced it; empty if not told.
        location: where it is, as its owner set it; empty if not told.
        manufacturer: who made it, empty if not told.
        model: its model, empty if not told.
        firmware: the version of its firmware, empty if not told.
        serial_number: its serial number, empty if not told.
        clock_offset_s: seconds by which its clock is ahead of this machine's; None if not told.
        streams: the streams it offers, in the device's order.
    """

    host: str
    service_url: str
    state: OnvifState
    problem: str = ""
    name: str = ""
    hardware: str = ""
    location: str = ""
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial_number: str = ""
    clock_offset_s: float | None = None
    streams: tuple[OnvifStream, ...] = ()
