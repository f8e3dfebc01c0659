"""Files of other projects are those that their projects published."""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files

import pytest

ASSETS = files("headwater.player.assets")
VENDORED = tomllib.loads((ASSETS / "VENDORED.toml").read_text())


@pytest.mark.parametrize("name", VENDORED)
def test_a_file_is_as_it_was_published(name: str) -> None:
    content = (ASSETS / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == VENDORED[name]["sha256"]


def test_all_of_them_are_named() -> None:
    others = {entry.name for entry in ASSETS.iterdir() if ".light." in entry.name}
    assert others == set(VENDORED)
