"""Frames without PyAV: the error names the package and what to do."""

from __future__ import annotations

import pytest

from headwater.app.media_extra import media_extra


def test_a_package_that_is_missing_is_named_with_what_to_do() -> None:
    said = r"need the package no_such_package: .*pip install '\.\[media\]'"
    with pytest.raises(ImportError, match=said) as told, media_extra():
        import no_such_package  # type: ignore[import-not-found] # noqa: F401
    assert told.value.name == "no_such_package"
