"""Files of other projects are those that their projects published."""

from __future__ import annotations

import hashlib
import io
import runpy
import tarfile
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "vendor.py"
ASSETS = files("headwater.player.assets")
VENDORED = tomllib.loads((ASSETS / "VENDORED.toml").read_text())


@pytest.mark.parametrize("name", VENDORED)
def test_a_file_is_as_it_was_published(name: str) -> None:
    content = (ASSETS / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == VENDORED[name]["sha256"]


def test_all_of_them_are_named() -> None:
    others = {entry.name for entry in ASSETS.iterdir() if ".light." in entry.name}
    assert others == set(VENDORED)


@pytest.mark.parametrize(("content", "is_taken"), [(b"as published", True), (b"other", False)])
def test_a_file_is_fetched_again_where_its_hash_is_the_one_written_down(
    tmp_path: Path, content: bytes, is_taken: bool
) -> None:
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/dist/a.js")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    listing = tmp_path / "VENDORED.toml"
    digest = hashlib.sha256(b"as published").hexdigest()
    listing.write_text(
        '["a.js"]\npackage = "https://registry.example/a.tgz"\n'
        f'path = "package/dist/a.js"\nsha256 = "{digest}"\n'
    )
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return package.getvalue()

    faults = runpy.run_path(str(TOOL))["renewed"](listing, fetch)
    assert asked == ["https://registry.example/a.tgz"]
    assert (tmp_path / "a.js").exists() is is_taken
    assert bool(faults) is not is_taken
