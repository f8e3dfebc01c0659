"""What `import headwater` promises: the names, and a documented field for all one can look at."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import headwater
import headwater.protocol
from headwater import (
    ForwardSnapshot,
    MountSnapshot,
    PublisherSnapshot,
    ReaderSnapshot,
    RtspServer,
    SessionSnapshot,
    Settings,
    ThreadedRtspServer,
    TrackSnapshot,
)

GLOSSARY = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text()
# What they mean is what they mean everywhere.
PLAIN_WORDS = {
    *(
        "accepting",
        "access",
        "allowed",
        "arguments",
        "auth",
        "packet",
        "certificates",
        "client",
        "control",
        "counters",
        "decoding",
        "place",
    ),
    *(
        "drops",
        "error",
        "format",
        "health",
        "level",
        "log",
        "method",
        "name",
        "override",
        "path",
        "point",
        "progress",
        "report",
    ),
    *(
        "policy",
        "ports",
        "process",
        "redirect",
        "registered",
        "request",
        "http",
        "web",
        "rtc",
        "rtp",
        "rtsp",
        "second",
    ),
    *("assignment", "by", "config", "fault", "section", "sound"),
    *("server", "settings", "socket", "state", "status", "stream", "threaded", "threads", "tls"),
    *("totals", "version", "applied", "change", "when"),
    *("cluster", "loss", "registry", "way"),
    *("audio", "decodable", "encoder", "ended", "missing", "not", "timeout", "url"),
}
EMBEDDING = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text()


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in headwater.__all__:
        assert getattr(headwater, name).__doc__ or name == "__version__"


def test_a_name_that_there_is_not_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="'headwater' has no attribute 'Server'"):
        headwater.Server  # noqa: B018
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


def test_all_that_a_public_signature_names_is_public() -> None:
    public = {getattr(headwater, name) for name in headwater.__all__}
    public |= {getattr(headwater.protocol, name) for name in headwater.protocol.__all__}
    missing = {
        f"{named.__module__}.{named.__name__} of {where}"
        for each in public
        if getattr(each, "__module__", "").startswith("headwater.")
        for where, hint in _hints_of(each)
        for named in _types_in(hint)
        if named.__module__.startswith("headwater.") and named not in public
    }
    assert missing == set()


def _hints_of(each: Any) -> Iterator[tuple[str, Any]]:
    """What fields, and the arguments and results of functions and methods, are said to be."""
    if not isinstance(each, type):
        yield from ((each.__name__, hint) for hint in get_type_hints(each).values())
        return
    for name, hint in get_type_hints(each).items():
        if not name.startswith("_"):
            yield f"{each.__name__}.{name}", hint
    # Those that a method of the server makes are made by nobody else.
    made_here = "Made by `" in (each.__doc__ or "")
    # Some names stand for packages that not everybody has, and are imported for mypy alone.
    names = {name: getattr(headwater, name) for name in headwater.__all__}
    for name, member in _own_members(each):
        if made_here and name == "__init__":
            continue
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__init__"):
            for hint in get_type_hints(function, localns=names).values():
                yield f"{each.__name__}.{name}", hint


def _own_members(each: type) -> Iterator[tuple[str, Any]]:
    """What a class and those of ours that it is made of have."""
    for one in each.__mro__:
        if one.__module__.startswith("headwater."):
            yield from vars(one).items()


def _types_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type):
        yield hint
    for argument in get_args(hint) if not isinstance(hint, list) else hint:
        yield from _types_in(argument)


def test_public_names_are_made_of_the_words_of_the_glossary() -> None:
    glossary = set(re.findall(r"\| \*\*([a-z -]+)\*\* \|", GLOSSARY))
    known = {word for term in glossary for word in re.split("[ -]", term)} | PLAIN_WORDS
    words = {
        (word.lower(), name)
        for name in headwater.__all__
        for word in re.findall("[A-Z][a-z]+|[A-Z]+(?![a-z])", name)
    }
    strange = {(word, name) for word, name in words if not {word, word.removesuffix("s")} & known}
    assert strange == set()
    assert {word.removesuffix("s") for word, _ in words} | {
        word for word, _ in words
    } >= PLAIN_WORDS


def test_the_threaded_server_offers_what_the_server_does() -> None:
    """Each public name, with the same arguments; what is awaited there is waited for here."""
    left_out = {
        "serve_forever": "it runs until a signal comes, in the main thread",
        "read": "batches are taken on the event loop",
        "publish": "packets are given on the event loop",
    }
    mirrored = 0
    for name, member in _own_members(RtspServer):
        if name.startswith("_") or name in left_out:
            continue
        other = vars(ThreadedRtspServer)[name]
        assert isinstance(other, property) is isinstance(member, property), name
        if isinstance(member, property):
            mirrored += 1
            continue
        ours, theirs = inspect.signature(member), inspect.signature(other)
        assert list(ours.parameters.values()) == list(theirs.parameters.values()), name
        expected = re.sub("^(?=Frame(Stream|Publisher))", "Threaded", ours.return_annotation)
        expected = expected.replace("EventStream", "Iterator[Event]")
        assert theirs.return_annotation == expected, name
        mirrored += 1
    assert mirrored > 15


@pytest.mark.parametrize(
    "snapshot",
    [
        MountSnapshot,
        TrackSnapshot,
        PublisherSnapshot,
        ReaderSnapshot,
        SessionSnapshot,
        ForwardSnapshot,
    ],
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
