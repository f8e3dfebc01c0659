"""Every oddity of real cameras that the fake camera can have, by its name."""

from fake_camera.quirks.describing import DESCRIBING
from fake_camera.quirks.media import MEDIA
from fake_camera.quirks.playing import PLAYING
from fake_camera.quirks.quirk import Quirk
from fake_camera.quirks.sdp import SDP
from fake_camera.quirks.setup import SETUP

ALL = (*DESCRIBING, *SDP, *SETUP, *PLAYING, *MEDIA)
QUIRKS: dict[str, Quirk] = {each.name: each for each in ALL}

__all__ = ["ALL", "DESCRIBING", "MEDIA", "PLAYING", "QUIRKS", "SDP", "SETUP", "Quirk"]
