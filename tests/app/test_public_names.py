"""What `import headwater` promises: the names, and a documented field for all one can look at."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import headwater
from headwater import (
    MountSnapshot,
    PublisherSnapshot,
    ReaderSnapshot,
    SessionSnapshot,
    Settings,
    TrackSnapshot,
)

EMBEDDING = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text()


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in headwater.__all__:
        assert getattr(headwater, name).__doc__ or name == "__version__"


def test_a_name_that_there_is_not_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="'headwater' has no attribute 'Server'"):
        headwater.Server  # type: ignore[attr-defined]  # noqa: B018
    assert set(headwater.__all__) <= set(dir(headwater))


def test_types_are_checked_against_the_names_that_are_imported() -> None:
    source = ast.parse(Path(headwater.__file__).read_text(encoding="utf-8"))
    checked = {
        alias.name: node.module
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headwater.")
        for alias in node.names
    }
    assert checked.pop("__version__") == "headwater.version"
    assert checked == headwater._HOMES
    assert set(headwater.__all__) == {*checked, "__version__"}


def test_every_section_of_the_settings_can_be_made_from_the_public_names() -> None:
    sections = {type(getattr(Settings(), field.name)) for field in fields(Settings)}
    public = {getattr(headwater, name) for name in headwater.__all__}
    assert {each for each in sections if is_dataclass(each)} <= public


@pytest.mark.parametrize(
    "snapshot",
    [MountSnapshot, TrackSnapshot, PublisherSnapshot, ReaderSnapshot, SessionSnapshot],
)
def test_every_field_of_a_snapshot_is_documented(snapshot: type) -> None:
    heading = f"### `{snapshot.__name__}`"
    assert EMBEDDING.count(heading) == 1
    table = EMBEDDING.partition(heading)[2].partition("\n#")[0]
    documented = [
        name.strip(" `")
        for row in table.splitlines()
        if row.startswith("| `")
        for name in row.split("|")[1].split(",")
    ]
    assert documented == list(inspect.get_annotations(snapshot))
