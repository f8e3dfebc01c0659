"""Patterns over mount paths."""

from __future__ import annotations

import pytest

from headwater.protocol.path_pattern import check_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("**", "/a/b", True),
        ("**", "/", True),
        ("/a", "/a", True),
        ("a", "/a", True),
        ("/a", "/A", False),
        ("/a", "/a/b", False),
        ("/a", "/ab", False),
        ("/*", "/a", True),
        ("/*", "/a/b", False),
        ("/cam/*", "/cam/1", True),
        ("/cam/*", "/cam", False),
        ("/cam/**", "/cam/1/main", True),
        ("/cam/**", "/cam", False),
        ("/cam/**", "/camera", False),
        ("/cam*", "/camera", True),
        ("/*/main", "/1/main", True),
        ("/**/main", "/1/2/main", True),
        ("**/main", "/1/main", True),
        ("/cam?", "/cam1", True),
        ("/cam?", "/cam/", False),
        ("/a.c", "/abc", False),
        ("/a[b]", "/a[b]", True),
        ("/*", "/a\nb", True),
        ("/x|/secret", "/secret", False),
    ],
)
def test_pattern(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


@pytest.mark.parametrize("pattern", ["/a", "**", "a/*", "/.a/b..", "/ü"])
def test_good_patterns(pattern: str) -> None:
    check_pattern(pattern)
    assert matches(pattern, "/" + pattern.lstrip("/"))


@pytest.mark.parametrize("pattern", ["", "/a/../b", "./a", "/a\r\n"])
def test_bad_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"path pattern|dot segment"):
        check_pattern(pattern)
