"""An ONVIF device that is none: it answers WS-Discovery, checks logins truly, and errs as told.

    async with OnvifDevice(user="admin", password="secret") as device:
        …  # device.service_url, device.discovery_port, device.calls

It uses the standard library alone, and shares no code with what it tests.
"""

from headwater.testing.onvif_device.device import Call, OnvifDevice
from headwater.testing.onvif_device.logins import Login
from headwater.testing.onvif_device.oddities import AnswerBody, Oddities
from headwater.testing.onvif_device.profiles import GARDEN, MAIN, SUB, NamePlate, Profile

__all__ = [
    "GARDEN",
    "MAIN",
    "SUB",
    "AnswerBody",
    "Call",
    "Login",
    "NamePlate",
    "Oddities",
    "OnvifDevice",
    "Profile",
]
