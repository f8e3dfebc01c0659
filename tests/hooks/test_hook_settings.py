"""Bounds of the hooks' settings."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

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


@pytest.mark.parametrize("field", fields(HookSettings), ids=lambda field: field.name)
def test_page_has_each_setting(field: Any) -> None:
    doc = get_type_hints(HookSettings, include_extras=True)[field.name].__metadata__[0]
    page = Path(__file__).parents[2] / "docs" / "hooks.md"
    assert f"| `{field.name}` | {field.default} | {doc} |" in page.read_text().splitlines()
