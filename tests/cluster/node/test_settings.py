"""Settings of a node: what cannot be is refused with what to write."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.node.source_claims import _SECOND_TURN_S
from headwater.media.settings import MountSettings

GOOD: dict[str, Any] = {"url": "redis://h", "node_password": "p"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"url": "http://h"}, "is no URL of a registry"),
    ({"node_password": ""}, "node_password is empty; a cluster needs one"),
    ({"node_user": "a:b"}, "node_user is empty or has a colon"),
    ({"node": "a b"}, "it must be letters, digits"),
    ({"name": ""}, "it must be letters, digits"),
    ({"advertise_url": "http://h"}, "the scheme is not one of RTSP"),
    ({"public_url": "rtsp://h/path"}, "write rtsp://host:port"),
    ({"lease_s": 0.5}, "it must be 1 or more"),
    ({"linger_s": -1}, "it must be 0 or more"),
    ({"mode": "push"}, "'pull', 'redirect', 'auto'"),
]


def test_a_url_and_a_password_are_enough() -> None:
    assert ClusterSettings(**GOOD).lease_s == 6.0


def test_a_camera_plays_at_another_node_before_its_readers_are_sent_away() -> None:
    # The lease's whole time, the next one's turn, and as long again to start the camera.
    assert ClusterSettings().lease_s + 2 * _SECOND_TURN_S < MountSettings().grace_s


@pytest.mark.parametrize(("other", "words"), REFUSED)
def test_what_cannot_be_is_refused(other: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ClusterSettings(**GOOD | other)
