"""The rights that a token's claims give: patterns of paths for each action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from headwater.access.decision import Action
from headwater.access.outside import TokenRefusedError
from headwater.protocol.path_pattern import check_pattern

MOST_PATTERNS: Final = 256
MEDIAMTX_CLAIM: Final = "mediamtx_permissions"
_OF_MEDIAMTX: Final[Mapping[str, tuple[Action, ...]]] = {
    "publish": (Action.PUBLISH,),
    "read": (Action.PLAY,),
    "api": (Action.LOOK, Action.CONTROL),
    "metrics": (Action.LOOK,),
}
_RIGHTS: Final = {action.value: action for action in Action}

Right = tuple[str, Action]


def rights_of(claims: Mapping[str, Any], paths_claim: str) -> Mapping[Action, tuple[str, ...]]:
    """Return the patterns of paths for each right.

    Both claims are read: `paths`, `{"cams/*": ["play", "look"]}`, and that of MediaMTX,
    `[{"action": "read", "path": "cams/front"}]`, whose regular expressions give nothing. Raises
    TokenRefusedError for a claim that is not so: a right that is not understood is no right.
    """
    found: dict[Action, list[str]] = {action: [] for action in Action}
    rights = [*_of_paths(claims.get(paths_claim, {}), paths_claim)]
    rights += _of_mediamtx(claims.get(MEDIAMTX_CLAIM, []))
    if len(rights) > MOST_PATTERNS * len(Action):
        raise TokenRefusedError(f"gives more than {MOST_PATTERNS} patterns of paths")
    for pattern, action in rights:
        found[action].append(pattern)
    return {action: tuple(patterns) for action, patterns in found.items()}


def _of_paths(value: Any, claim: str) -> Iterator[Right]:
    if not isinstance(value, dict):
        raise TokenRefusedError(f"has a claim {claim} that is no object of patterns and rights")
    for pattern, rights in value.items():
        _check(pattern, claim)
        named = [rights] if isinstance(rights, str) else rights
        if not isinstance(named, list):
            raise TokenRefusedError(f"has rights in {claim} that are no list")
        for right in named:
            if not isinstance(right, str) or right not in _RIGHTS:
                words = ", ".join(_RIGHTS)
                raise TokenRefusedError(f"has a right in {claim} that is none of {words}")
            yield pattern, _RIGHTS[right]


def _of_mediamtx(value: Any) -> Iterator[Right]:
    if not isinstance(value, list):
        raise TokenRefusedError(f"has a claim {MEDIAMTX_CLAIM} that is no list")
    for permission in value:
        if not isinstance(permission, dict):
            raise TokenRefusedError(f"has an item in {MEDIAMTX_CLAIM} that is no object")
        path = permission.get("path") or "**"
        actions = _OF_MEDIAMTX.get(str(permission.get("action")), ())
        # A name has no wildcards there: with one it would mean more here.
        if not isinstance(path, str) or path.startswith("~") or (path != "**" and _has_wild(path)):
            continue
        _check(path, MEDIAMTX_CLAIM)
        for action in actions:
            yield path, action


def _has_wild(path: str) -> bool:
    return "*" in path or "?" in path


def _check(pattern: str, claim: str) -> None:
    try:
        check_pattern(pattern)
    except ValueError:
        raise TokenRefusedError(f"has a pattern in {claim} that can match no path") from None
