"""The file of added sources: whole or as before, whatever was half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.api.source_book import SourceBook, book_path

OLD = {"/a": {"source": "rtsp://203.0.113.1/a"}}
NEW = {"/b": {"source": "rtsp://203.0.113.1/b"}}


def test_what_is_written_is_read_by_another_start(tmp_path: Path) -> None:
    book = SourceBook(tmp_path / "state" / "sources.json")
    assert book.read() == {}
    book.write(OLD)
    book.write(NEW)
    assert SourceBook(book.path).read() == NEW
    assert book.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_of_a_half_written_file_the_one_before_is_read(tmp_path: Path, kept: float) -> None:
    book = SourceBook(tmp_path / "sources.json")
    book.write(OLD)
    book.write(NEW)
    content = book.path.read_bytes()
    book.path.write_bytes(content[: int(len(content) * kept)])
    assert SourceBook(book.path).read() == OLD
    book.write(NEW)
    assert SourceBook(book.path).read() == NEW


def test_a_kill_between_two_steps_leaves_one_of_both(tmp_path: Path) -> None:
    book = SourceBook(tmp_path / "sources.json")
    book.write(OLD)
    (tmp_path / "sources.json.new").write_bytes(b"sha256 half")
    assert book.read() == OLD
    book.path.replace(tmp_path / "sources.json.before")
    assert SourceBook(book.path).read() == OLD
    book.write(NEW)
    assert book.read() == NEW


def test_what_is_broken_twice_is_set_aside(tmp_path: Path) -> None:
    book = SourceBook(tmp_path / "sources.json")
    for name in ("sources.json", "sources.json.before"):
        (tmp_path / name).write_bytes(b"\0\0")
    assert book.read() == {}
    assert (tmp_path / "sources.json.broken").exists()


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/headwater:/other")
    assert book_path("auto", 554) == Path("/var/lib/headwater/sources-554.json")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert book_path("auto", 554) == tmp_path / "headwater" / "sources-554.json"
    assert book_path("auto", 0) is None
    assert book_path("", 554) is None
    assert book_path("/x/y.json", 0) == Path("/x/y.json")
