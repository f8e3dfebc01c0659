"""Which players are sent elsewhere."""

from __future__ import annotations

import pytest

from headwater.cluster.node.quirks import follows_redirects

FOLLOW = [
    "Lavf59.27.100",
    "GStreamer/1.22.0",
    "LibVLC/3.0.18 (LIVE555 Streaming Media v2016.11.28)",
    "Headwater/1.0",
    "gortsplib",
    "go2rtc/1.9.4",
    "ZLMediaKit",
]


@pytest.mark.parametrize("agent", FOLLOW)
def test_players_that_follow_are_known(agent: str) -> None:
    assert follows_redirects(agent)


@pytest.mark.parametrize("agent", ["", "aiortsp", "lal/0.37", "RealMedia Player", "x Lavf"])
def test_others_are_not_sent_anywhere(agent: str) -> None:
    assert not follows_redirects(agent)
