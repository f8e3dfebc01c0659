"""The limit of open files goes up as far as the system allows and never down."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from headwater.net import descriptor_limit
from headwater.net.descriptor_limit import (
    DescriptorLimit,
    open_descriptors,
    raise_descriptor_limit,
)

resource = pytest.importorskip("resource")


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def set_soft(soft: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(7)[1]))


def test_raised_to_what_is_wanted() -> None:
    set_soft(256)
    limit = raise_descriptor_limit(300)
    assert limit == DescriptorLimit(allowed=300, before=256, wanted=300)
    assert limit.shortfall is None
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300


def test_raised_to_all_that_is_allowed(limits: tuple[int, int]) -> None:
    set_soft(256)
    limit = raise_descriptor_limit()
    assert limit.allowed == limits[1]
    assert limit.shortfall is None


def test_never_lowered() -> None:
    set_soft(300)
    assert raise_descriptor_limit(200) == DescriptorLimit(300, 300, 200)


def test_shortfall_says_what_to_raise(limits: tuple[int, int]) -> None:
    set_soft(256)
    wanted = limits[1] + 1
    limit = raise_descriptor_limit(wanted)
    assert limit.allowed == limits[1]
    assert limit.shortfall is not None
    assert f"LimitNOFILE={wanted}" in limit.shortfall


@pytest.mark.parametrize(("platform", "asked"), [("darwin", 10_240), ("linux", 1_048_576)])
def test_unlimited_hard_limit(monkeypatch: pytest.MonkeyPatch, platform: str, asked: int) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    now = [256]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (now[0], resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: now.__setitem__(0, limits[0]))
    assert raise_descriptor_limit().allowed == asked


def test_unlimited_soft_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: unlimited)
    limit = raise_descriptor_limit(5_000)
    assert limit == DescriptorLimit(0, 0, 5_000)
    assert limit.shortfall is None


def test_refusal_is_told_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    set_soft(256)

    def refuse(*_: object) -> None:
        raise ValueError("not permitted")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    limit = raise_descriptor_limit(300)
    assert (limit.allowed, limit.before) == (256, 256)
    assert limit.shortfall is not None


def test_windows_has_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert raise_descriptor_limit(99) == DescriptorLimit(0, 0, 99)


def test_open_descriptors_are_counted() -> None:
    before = open_descriptors()
    assert before is not None
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    assert open_descriptors() == before + 5
    for descriptor in held:
        os.close(descriptor)
    assert open_descriptors() == before


def test_open_descriptors_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptor_limit, "_DESCRIPTOR_FOLDERS", ("/nowhere/fd",))
    assert open_descriptors() is None
