"""Keys of a terminal, without Enter; the terminal is as before at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from headwater.cli.top.keys import keys_taken

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")


class Terminal:
    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()

    def fileno(self) -> int:
        return int(self.theirs)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal()
    monkeypatch.setattr(sys, "stdin", made)
    yield made
    os.close(made.ours)
    os.close(made.theirs)


@pytest.mark.parametrize(
    ("pressed", "key"), [(b"q", "q"), (b"\x1b[A", "k"), (b"\x1b[B", "j"), (b"\xc3\xa9", "é")]
)
def test_keys(terminal: Terminal, pressed: bytes, key: str) -> None:
    before = termios.tcgetattr(terminal.theirs)
    with keys_taken() as read_key:
        assert read_key(0.0) == ""
        os.write(terminal.ours, pressed)
        assert read_key(5.0) == key
    assert termios.tcgetattr(terminal.theirs) == before
