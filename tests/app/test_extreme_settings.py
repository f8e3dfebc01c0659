"""Whatever a file may hold for a key: it is refused, or the server starts with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from headwater import RtspServer, Settings
from headwater.config.errors import ConfigError
from headwater.config.file import load_settings
from headwater.config.schema import SettingKey, settings_schema

WHOLE = ("-1", "0", str(2**31), str(2**63 - 1), str(2**63), "9" * 30)
FRACTIONS = ("-1.0", "0.0", "nan", "inf", "-inf", "1e9", "1e300", "1e-300")
TEXTS = ('""', '"\\u0000"', '"a\\r\\nb"', '"\\u202e"', '[""]', '["\\u0000"]', f'"{"a" * 70_000}"')
# These do what they say with any text: C's `open` and the resolver of names refuse it.
STARTS_OTHERWISE = {
    "server.host",
    "tls.certificate",
    "access.jwt.key_file",
    "access.jwt.secret_file",
}
KEYS = [
    (f"{section.name}.{key.name}", key)
    for section in settings_schema().walk()
    for key in section.keys
]


def values_for(key: SettingKey) -> tuple[str, ...]:
    if key.plain_type is int:
        return WHOLE
    if key.plain_type is float:
        return FRACTIONS
    return () if key.plain_type is bool else TEXTS


@pytest.mark.parametrize(("name", "key"), [pytest.param(*each, id=each[0]) for each in KEYS])
async def test_what_is_not_refused_serves(name: str, key: SettingKey, tmp_path: Path) -> None:
    if name in STARTS_OTHERWISE:
        pytest.skip("the start refuses it: tests/cli/test_refusals.py")
    section, _, bare = name.rpartition(".")
    for value in values_for(key):
        settings = loaded(tmp_path, f"[{section}]\n{bare} = {value}\n")
        if settings is None:
            continue
        assert value not in {"nan", "inf", "-inf"}, "no time is endless or no number"
        if name != "server.publish_port":
            settings = replace(settings, server=replace(settings.server, publish_port=0))
        server = RtspServer(settings=settings)
        async with asyncio.timeout(20):
            await server.start()
            assert server.status().state == "running"
            await server.stop(drain_s=0)


def loaded(folder: Path, text: str) -> Settings | None:
    path = folder / "headwater.toml"
    path.write_text(text, encoding="utf-8")
    try:
        return load_settings(path)
    except ConfigError:
        return None
