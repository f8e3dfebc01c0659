"""Bounds of the hooks' settings."""

from __future__ import annotations

import pytest

from headwater.hooks.settings import HookSettings


def test_defaults_are_within_bounds() -> None:
    assert HookSettings().timeout_s == 5.0


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("timeout_s", 0.0, "above 0"),
        ("stop_grace_s", -1.0, "0 or more"),
        ("max_threads", 0, "1 or more"),
        ("max_pending_notifications", 0, "1 or more"),
        ("max_stuck_threads", -1, "0 or more"),
    ],
)
def test_refusal_names_field_value_and_bound(name: str, value: float, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is {value}; it must be {allowed}"):
        HookSettings(**{name: value})  # type: ignore[arg-type]
