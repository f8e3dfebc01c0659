"""An ONVIF device that is none: it answers WS-Discovery, checks logins truly, and errs as told.

    async with OnvifDevice(user="admin", password="secret") as device:
        …  # device.service_url, device.discovery_port, device.calls

It uses the standard library alone, and shares no code with what it tests.
"""

from onvif_device.device import Call, OnvifDevice
from onvif_device.logins import Login
from onvif_device.oddities import AnswerBody, Oddities
from onvif_device.profiles import GARDEN, MAIN, SUB, NamePlate, Profile

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
