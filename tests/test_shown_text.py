"""Text of peers becomes printable, bounded, and stays what it was where it was fit already."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.shown_text import (
    LINE_CHARACTERS,
    setting_without_credentials,
    shown,
    shown_lines,
    url_without_credentials,
    without_credentials,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=600)


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("/Küche 1", "/Küche 1"),
        ("摄像机 é🎥", "摄像机 é🎥"),
        ("back\\slash 'quoted'", "back\\slash 'quoted'"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x7f", r"\x7f"),
        ("\x9b2J\x85", r"\u009b2J\u0085"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066\u200f\u061c", r"\u2066\u200f\u061c"),
        ("a\u200bb\ufeffc\u00ad", r"a\u200bb\ufeffc\u00ad"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("a\u00a0b\u3000c", r"a\u00a0b\u3000c"),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), r"\xff\xfe"),
        ("\ud800", r"\ud800"),
        ("a\u3164b\ufe0f", r"a\u3164b\ufe0f"),
        ("e\u0301\u0302", "e\u0301\u0302"),
        ("e\u0301\u0301\u0301", r"e\u0301\u0301\u0301"),
        ("\U000e0001", r"\U000e0001"),
        ("", ""),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, fit: str) -> None:
    assert shown(text) == fit


def test_long_text_is_cut_and_its_length_told() -> None:
    fit = shown("x" * 780_000)
    assert len(fit) == LINE_CHARACTERS
    assert fit.endswith("xx… (780000 characters)")
    assert shown("x" * LINE_CHARACTERS) == "x" * LINE_CHARACTERS
    assert len(shown("\x1b" * LINE_CHARACTERS)) == LINE_CHARACTERS
    assert len(shown("abc", 2)) == 2


@given(ANY_TEXT, st.integers(0, 300))
def test_nothing_raw_is_left(text: str, most: int) -> None:
    fit = shown(text, most)
    assert len(fit) <= most
    assert fit.isprintable()
    assert not {unicodedata.category(c)[0] for c in fit if c != " "} & {"C", "Z"}
    fit.encode()
    assert json.loads(json.dumps(fit, ensure_ascii=False)) == fit


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("rtsp://ann:secret@host/cam", "rtsp://…@host/cam"),
        (
            "['rtsp://a:b@host/1', 'rtsps://c:d/e@host/2']",
            "['rtsp://…@host/1', 'rtsps://…@host/2']",
        ),
        ('["rtsp://a:p@ss?w@host/1"] and rtsp://host/2', '["rtsp://…@host/1"] and rtsp://host/2'),
        ("rtsp://host/cam", "rtsp://host/cam"),
    ],
)
def test_credentials_of_urls_are_left_out(text: str, without: str) -> None:
    assert without_credentials(text) == without


@pytest.mark.parametrize("password", ["pass word", "pass'word", 'pass"word', "pass@word", "a/b\tc"])
def test_in_a_url_a_password_may_hold_anything(password: str) -> None:
    url = f"rtsp://ann:{password}@host/cam?x=1"
    assert url_without_credentials(url) == "rtsp://…@host/cam?x=1"
    assert setting_without_credentials(("rtsp://host/2", url)) == (
        "rtsp://host/2",
        "rtsp://…@host/cam?x=1",
    )


@pytest.mark.parametrize("key", ["passphrase", "password", "pwd", "token", "access_token"])
def test_secrets_behind_the_host_are_left_out(key: str) -> None:
    assert url_without_credentials(f"srt://host:9?a=b&{key}=abc&c=d") == (
        f"srt://host:9?a=b&{key}=…&c=d"
    )


def test_settings_that_are_no_text_stay() -> None:
    assert setting_without_credentials(5) == 5


@given(ANY_TEXT)
def test_made_fit_twice_is_made_fit_once(text: str) -> None:
    assert shown(shown(text)) == shown(text)


@given(ANY_TEXT, st.integers(20, 900))
def test_lines_are_set_in_and_bounded(text: str, most: int) -> None:
    fit = shown_lines(text, most)
    assert len(fit) <= most
    assert all(line.startswith("  ") for line in fit.split("\n"))
    assert fit.replace("\n", "").isprintable()


@pytest.mark.parametrize("most", range(20, 60))
def test_lines_are_set_in_wherever_they_are_cut(most: int) -> None:
    fit = shown_lines("a\n\nbb\n" * 20, most)
    assert len(fit) <= most
    assert all(line.startswith("  ") for line in fit.split("\n"))


def test_of_many_lines_beginning_and_end_stay() -> None:
    text = "\n".join(f"line {number}" for number in range(100_000))
    fit = shown_lines(text, 1000)
    assert fit.startswith("  line 0\n  line 1\n")
    assert "\n  …\n" in fit
    assert fit.endswith("\n  line 99999")
