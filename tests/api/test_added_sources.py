"""What programs may give a path by the API, and how many; the rest is in test_sourcing.py."""

from __future__ import annotations

import pytest

from headwater.api import added_sources
from headwater.api.added_sources import AddedSource, AddedSources
from headwater.api.settings import ApiSettings
from headwater.http.refusal import HttpRefusal
from headwater.sources.plan import PlannedSource

SETTINGS = ApiSettings(source_schemes=("rtsp", "http", "srt"), source_networks=("192.168.0.0/16",))


class Started:
    """What was started and ended, in its order."""

    def __init__(self) -> None:
        self.paths: list[tuple[str, bool]] = []

    async def __call__(self, path: str, planned: PlannedSource | None) -> None:
        self.paths.append((path, planned is not None))


def sources() -> tuple[AddedSources, Started]:
    started = Started()
    return AddedSources(SETTINGS, None, started), started


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 is no public address"),
        ("http://localhost/feed.m3u8", "what a name leads to later cannot be checked"),
        ("srt://10.0.0.1:9000", "10.0.0.1 is no public address"),
        ("rtsp://10.0.0.1/cam", "10.0.0.1 is no public address"),
        ("rtsp://[::1]/cam", "::1 is no public address"),
        ("file:/etc/passwd", "file: is no scheme"),
        ("rtsp://camera/${TOKEN}", "placeholder"),
    ],
)
@pytest.mark.parametrize("as_fallback", [False, True])
def test_what_leads_to_where_it_may_not(url: str, word: str, as_fallback: bool) -> None:
    added, _ = sources()
    first = "rtsp://192.168.1.2/cam" if as_fallback else url
    with pytest.raises(HttpRefusal, match=word.replace(".", r"\.").replace("$", r"\$")):
        added.check(AddedSource(source=first, fallback=(url,) if as_fallback else ()))


@pytest.mark.parametrize(
    "url", ["http://192.168.1.2/feed.m3u8", "rtsp://192.168.1.2/cam", "rtsp://camera.example/cam"]
)
def test_what_leads_where_it_may(url: str) -> None:
    added, _ = sources()
    added.check(AddedSource(source=url))


async def test_a_whole_list_touches_only_what_changed() -> None:
    added, started = sources()
    one, two = (
        AddedSource(source="rtsp://192.168.1.2/1"),
        AddedSource(source="rtsp://192.168.1.2/2"),
    )
    await added.put_all({"/a": one, "/b": one})
    await added.put_all({"/b": one, "/c": two})
    assert started.paths == [("/a", True), ("/b", True), ("/a", False), ("/c", True)]
    assert added.by_path == {"/b": one, "/c": two}


async def test_there_is_a_most_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added_sources, "MOST_SOURCES", 2)
    added, started = sources()
    one = AddedSource(source="rtsp://192.168.1.2/1")
    await added.put("/a", one)
    await added.put("/b", one)
    with pytest.raises(HttpRefusal, match="at most 2 sources") as refused:
        await added.put("/c", one)
    assert refused.value.status == 422
    assert set(added.by_path) == {"/a", "/b"}
    assert started.paths == [("/a", True), ("/b", True)]
