from dataclasses import fields
from typing import Any

import pytest

from headwater.media.path_override import settings_for
from headwater.media.settings import (
    MountOverride,
    MountSettings,
    SecondPublisher,
    SlowReaderPolicy,
)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("publisher_idle_timeout_s", -1.0, "0 or more"),
        ("grace_s", -0.1, "0 or more"),
        ("max_readers", -1, "0 or more"),
        ("gop_cache_max_bytes", -1, "0 or more"),
        ("gop_cache_max_s", -1.0, "0 or more"),
        ("slow_reader_disconnect_s", -1.0, "0 or more"),
        ("catch_up_max_bytes", 0, "above 0"),
        ("catch_up_burst_bytes", 0, "above 0"),
        ("catch_up_max_s", 0.0, "above 0"),
        ("slow_reader_max_bytes", 0, "above 0"),
        ("slow_reader_max_age_s", 0.0, "above 0"),
        ("key_frame_wait_s", 0.0, "above 0"),
        ("catch_up_speed", 1.0, "above 1"),
        ("multicast_group", "10.0.0.1", "multicast address"),
        ("multicast_group", "group", "multicast address"),
        ("multicast_port_start", 5001, "even"),
        ("multicast_port_start", 80, "1024"),
        ("multicast_ttl", 256, "from 0 to 255"),
    ],
)
def test_bad_values_are_refused_by_name(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        MountSettings(**{name: value})
    assert allowed in str(caught.value)
    with pytest.raises(ValueError, match=name):
        MountOverride(pattern="*", **{name: value})


@pytest.mark.parametrize("group", ["", "239.1.2.3", "ff15::1"])
def test_groups_of_both_kinds_are_fine(group: str) -> None:
    assert MountSettings(multicast_group=group).multicast_group == group


def test_an_override_changes_only_what_it_names() -> None:
    override = MountOverride(
        pattern="/x",
        on_second_publisher=SecondPublisher.REPLACE,
        slow_reader_policy=SlowReaderPolicy.DISCONNECT,
        instant_start=False,
        max_readers=0,
    )
    changed = override.applied_to(MountSettings(max_readers=9, grace_s=3.0))
    assert changed == MountSettings(
        on_second_publisher=SecondPublisher.REPLACE,
        slow_reader_policy=SlowReaderPolicy.DISCONNECT,
        instant_start=False,
        max_readers=0,
        grace_s=3.0,
    )


@pytest.mark.parametrize("pattern", ["", "/a/../b"])
def test_an_override_needs_a_good_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^pattern '.*(is no path pattern|has a dot segment)"):
        MountOverride(pattern=pattern)


def test_every_setting_can_be_overridden() -> None:
    mine = set(MountSettings.__dataclass_fields__)
    assert {each.name for each in fields(MountOverride)} == mine | {"pattern"}


def test_later_overrides_win_and_case_counts() -> None:
    overrides = (
        MountOverride(pattern="**", grace_s=1.0),
        MountOverride(pattern="/Cam?", grace_s=2.0),
    )
    assert settings_for("/Cam1", MountSettings(), overrides).grace_s == 2.0
    assert settings_for("/cam1", MountSettings(), overrides).grace_s == 1.0
    assert settings_for("/cam1", MountSettings(), ()).grace_s == 10.0


def test_patterns_are_those_of_the_access_rights() -> None:
    overrides = (MountOverride(pattern="/low/*", grace_s=1.0),)
    assert settings_for("/low/a", MountSettings(), overrides).grace_s == 1.0
    assert settings_for("/low/a/b", MountSettings(), overrides).grace_s == 10.0
