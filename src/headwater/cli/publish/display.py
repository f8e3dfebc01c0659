"""What a person sees of the sending: one line that changes, and lines for what happens."""

from __future__ import annotations

import time
from typing import Final, TextIO

from headwater.libav.remux.reports import Progress
from headwater.shown_text import shown

_CLEAR: Final = "\r\x1b[K"
_MESSAGE_CHARACTERS: Final = 2000


class Display:
    """Writes to a terminal, or to a file or pipe, where the changing line is left out."""

    def __init__(self, stream: TextIO, *, quiet: bool) -> None:
        self._stream = stream
        self._quiet = quiet
        self._live = stream.isatty() and not quiet
        self._line = ""
        self._began_s = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Show how far the sending is."""
        if not progress.packets:
            self._began_s = time.monotonic()
            return
        self._line = progress_line(progress, time.monotonic() - self._began_s)
        if self._live:
            self._write(f"{_CLEAR}{self._line}")

    def say(self, text: str) -> None:
        """Tell what happened; also where the changing line is not wanted."""
        self._write(f"{_CLEAR if self._live else ''}headwater: {_fit(text)}\n")

    def end(self, word: str) -> None:
        """Write the last line: what was sent in all, and how it ended."""
        if self._live:
            self._write("\n" if self._line else "")
        elif self._line and not self._quiet:
            self._write(f"{self._line}\n")
        if word and not self._quiet:
            self._write(f"{word}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _fit(text: str) -> str:
    """Return the text with its lines; what it quotes of a camera or a server cannot do harm."""
    return "\n".join(shown(line, _MESSAGE_CHARACTERS) for line in text.split("\n"))


def progress_line(progress: Progress, elapsed_s: float) -> str:
    """Return what was sent so far: time of the media, packets, and the mean bit rate."""
    length = f" of {_clock(progress.length_s)}" if progress.length_s and not progress.rounds else ""
    rounds = f", round {progress.rounds + 1}" if progress.rounds else ""
    megabits = progress.size_bytes * 8 / max(elapsed_s, 0.001) / 1e6
    return (
        f"{_clock(progress.media_s)}{length}{rounds}  {progress.packets} packets  "
        f"{megabits:.2f} Mb/s  {shown(' + '.join(progress.tracks))}"
    )


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"
