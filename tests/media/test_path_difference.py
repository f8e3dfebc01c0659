"""How one room's settings of paths differ."""

from __future__ import annotations

from headwater.media.path_difference import path_difference
from headwater.media.settings import MountOverride


def test_added_changed_and_removed_paths_are_told_apart() -> None:
    gone, kept = (
        MountOverride(pattern="/gone", grace_s=1.0),
        MountOverride(pattern="/a", grace_s=1.0),
    )
    before, after = (
        MountOverride(pattern="/b", grace_s=1.0),
        MountOverride(pattern="/b", grace_s=2.0),
    )
    new = MountOverride(pattern="/new", grace_s=1.0)
    difference = path_difference([gone, kept, before], [kept, after, new])
    assert difference is not None
    assert difference.added == {"/new": new}
    assert difference.changed == {"/b": after}
    assert difference.removed == {"/gone": gone}
    assert difference.overrides == (kept, after, new)


def test_sections_that_say_nothing_of_the_room_are_none_of_it() -> None:
    silent = MountOverride(pattern="/a")
    assert path_difference([], [silent]) is None
    assert path_difference([silent], []) is None


def test_another_order_is_a_difference_of_its_own() -> None:
    one, two = MountOverride(pattern="*", grace_s=1.0), MountOverride(pattern="/a", grace_s=2.0)
    difference = path_difference([one, two], [two, one])
    assert difference is not None
    assert (difference.added, difference.changed, difference.removed) == ({}, {}, {})
    assert difference.overrides == (two, one)
