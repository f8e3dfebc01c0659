"""Settings of a server under test, told as a table of sections in JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headwater.access.settings import UserSettings
from headwater.config.path_section import path_sections
from headwater.config.settings import Settings

_BASE: dict[str, dict[str, Any]] = {
    "server": {"host": "127.0.0.1", "publish_port": 0, "play_port": 0},
}


def settings_of(sections: dict[str, dict[str, Any]]) -> Settings:
    """The defaults, on a free port of this machine, with these sections' values before them."""
    told = dict(_BASE)
    for name, section in sections.items():
        told[name] = told.get(name, {}) | section
    settings = Settings()
    for name, values in told.items():
        if name == "paths":
            settings = replace(settings, paths=path_sections(values))
            continue
        values = _with_users(values) if name == "access" else values
        settings = replace(settings, **{name: replace(getattr(settings, name), **values)})
    return settings


def _with_users(access: dict[str, Any]) -> dict[str, Any]:
    users = access.get("users")
    return access if users is None else access | {"users": tuple(map(_user, users))}


def _user(values: dict[str, Any]) -> UserSettings:
    """A user of JSON, which has lists in place of tuples."""
    made: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return UserSettings(**made)
