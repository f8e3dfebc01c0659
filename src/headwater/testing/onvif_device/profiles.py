"""What the device has to show: its name plate and its media profiles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NamePlate:
    """The name plate of a device."""

    name: str = "Garden camera"
    location: str = "north/wall"
    manufacturer: str = "Mock & Sons"
    model: str = "M<1>"
    firmware: str = "1.2.3"
    serial_number: str = "SN-0001"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One media profile; the first Media service does not know H265."""

    token: str
    name: str
    encoding: str
    width: int
    height: int
    frame_rate: int
    path: str
    rtsp_port: int = 554


GARDEN = NamePlate()
MAIN = Profile(
    token="main & <1>",
    name="mainStream",
    encoding="H265",
    width=2560,
    height=1440,
    frame_rate=25,
    path="/Streaming/Channels/101?transportmode=unicast",
)
SUB = Profile(
    token="sub",
    name="subStream",
    encoding="H264",
    width=640,
    height=360,
    frame_rate=15,
    path="/Streaming/Channels/102",
)
