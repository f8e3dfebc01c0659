"""What is read of a device's XML, and what is not looked at."""

from __future__ import annotations

import pytest

from headwater.onvif.bounded_xml import (
    MOST_BYTES,
    MOST_TAGS,
    every,
    first,
    parsed,
    text,
    whole_number,
)

TREE = b'<a xmlns="u:1" xmlns:p="u:2"><b><p:c> one </p:c></b><p:b><c>22</c><c/></p:b></a>'


def test_elements_are_found_by_name_whatever_their_namespace() -> None:
    root = parsed(TREE)
    assert [each.text for each in every(root, "c")] == [" one ", "22", None]
    assert (text(root, "c"), text(root, "b", "c"), text(root, "x", "c")) == ("one", "one", "")
    assert first(root, "a") is None
    assert list(every(None, "a")) == []


@pytest.mark.parametrize(
    ("digits", "number"),
    [("22", 22), ("0", 0), ("-1", 0), ("1.5", 0), ("9" * 10, 0), ("٣", 0), ("", 0), ("x", 0)],
)
def test_whole_numbers(digits: str, number: int) -> None:
    assert whole_number(parsed(f"<a><b>{digits}</b></a>".encode()), "b") == number


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a>",
        b"\x00\xff",
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b'<?xml version="1.0" encoding="rot13"?><a/>',
        b"<a>" + b" " * MOST_BYTES + b"</a>",
        b"<a>" * (MOST_TAGS // 2) + b"</a>" * (MOST_TAGS // 2) + b"<b/>",
        b"<a>" + b"<b/>" * MOST_TAGS + b"</a>",
    ],
    ids=range(10),
)
def test_what_is_not_taken(document: bytes) -> None:
    assert parsed(document) is None


def test_the_largest_that_is_taken() -> None:
    assert parsed(b"<a>" + b"<b/>" * (MOST_TAGS - 2) + b"</a>") is not None
    assert parsed(b"<a>" + b" " * (MOST_BYTES - 7) + b"</a>") is not None
