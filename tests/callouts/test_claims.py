"""The rights in claims: ours, and those of MediaMTX."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.access.decision import Action
from headwater.access.outside import TokenRefusedError
from headwater.callouts.claims import MOST_PATTERNS, rights_of


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, {}),
        ({"paths": {"cams/*": ["play", "look"]}}, {"play": ["cams/*"], "look": ["cams/*"]}),
        ({"paths": {"a": "publish", "/b/**": ["publish"]}}, {"publish": ["a", "/b/**"]}),
        ({"paths": {"a": []}}, {}),
        (
            {"mediamtx_permissions": [{"action": "read", "path": "front"}]},
            {"play": ["front"]},
        ),
        (
            {"mediamtx_permissions": [{"action": "publish"}, {"action": "api", "path": ""}]},
            {"publish": ["**"], "look": ["**"], "control": ["**"]},
        ),
        # What means something else here, or nothing, gives nothing.
        ({"mediamtx_permissions": [{"action": "read", "path": "~^a.*$"}]}, {}),
        ({"mediamtx_permissions": [{"action": "read", "path": "a*"}]}, {}),
        ({"mediamtx_permissions": [{"action": "pprof"}, {"path": "a"}]}, {}),
    ],
)
def test_rights(claims: dict[str, Any], expected: dict[str, list[str]]) -> None:
    rights = rights_of(claims, "paths")
    assert {action.value: list(found) for action, found in rights.items() if found} == expected
    assert set(rights) == set(Action)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"paths": ["a"]}, "no object"),
        ({"paths": "a"}, "no object"),
        ({"paths": {"a": ["read"]}}, "none of publish, play, look, control"),
        ({"paths": {"a": [["play"]]}}, "none of"),
        ({"paths": {"a": {"play": True}}}, "no list"),
        ({"paths": {"a": 5}}, "no list"),
        ({"paths": {"../a": ["play"]}}, "can match no path"),
        ({"paths": {"": ["play"]}}, "can match no path"),
        ({"paths": {f"a{n}": ["play"] for n in range(4 * MOST_PATTERNS + 1)}}, "more than"),
        ({"mediamtx_permissions": {}}, "no list"),
        ({"mediamtx_permissions": ["read"]}, "no object"),
        ({"mediamtx_permissions": [{"action": "read", "path": "a/../b"}]}, "can match no path"),
    ],
)
def test_what_is_not_understood_is_no_right(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(TokenRefusedError, match=why):
        rights_of(claims, "paths")
