"""Every oddity of real cameras that the fake camera can have, by its name."""

from difflib import get_close_matches

from headwater.testing.fake_camera.quirk import Quirk
from headwater.testing.fake_camera.quirks.describing import DESCRIBING
from headwater.testing.fake_camera.quirks.media import MEDIA
from headwater.testing.fake_camera.quirks.playing import PLAYING
from headwater.testing.fake_camera.quirks.sdp import SDP
from headwater.testing.fake_camera.quirks.setup import SETUP

ALL = (*DESCRIBING, *SDP, *SETUP, *PLAYING, *MEDIA)
QUIRKS: dict[str, Quirk] = {each.name: each for each in ALL}


def quirk_named(name: str) -> Quirk:
    """Return a quirk by its name; `ValueError` says which names are like it."""
    if (found := QUIRKS.get(name)) is not None:
        return found
    like = " or ".join(repr(each) for each in get_close_matches(name, QUIRKS))
    hint = f"did you mean {like}?" if like else "headwater.testing.QUIRKS has all names"
    raise ValueError(f"no camera quirk has the name {name!r}: {hint}")


__all__ = [
    "ALL",
    "DESCRIBING",
    "MEDIA",
    "PLAYING",
    "QUIRKS",
    "SDP",
    "SETUP",
    "Quirk",
    "quirk_named",
]
