"""A decoder in a process of its own, as the decoding thread sees it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from headwater.codecs.configs import TrackConfig
from headwater.libav.decoding.apart.frame_memory import FrameMemory
from headwater.libav.decoding.apart.laid_frame import Laid
from headwater.libav.decoding.apart.seen_frame import frame_of
from headwater.libav.decoding.apart.talk import (
    MOST_ANSWER_BYTES,
    Answer,
    Order,
    Request,
    read_answer,
)
from headwater.libav.decoding.coded_unit import CodedUnit, UnitsInside
from headwater.libav.decoding.decoder import Decoded, UnitDecoder
from headwater.libav.decoding.errors import DecoderDied
from headwater.libav.remux.interpreter import interpreter_options

RESERVE = 4
"""Slots that stay free for what is decoded next: beyond them frames are copied, however many of
them the program keeps."""


class ProcessDecoder(UnitDecoder):
    """Has one track decoded by a process, which only lends its hands: it keeps nothing.

    Attributes:
        pid: the number of the process.
    """

    def __init__(
        self, config: TrackConfig, clock_rate_hz: int, *, device: str | None = None
    ) -> None:
        """Start the process; the arguments are those of `Decoder`. Raises OSError."""
        self._memory = FrameMemory()
        self._inside = UnitsInside()
        try:
            self._order = Order(config, clock_rate_hz, device, self._memory.descriptor, os.getpid())
            self._process = subprocess.Popen(  # noqa: S603 (this program)
                [
                    sys.executable,
                    *interpreter_options(),
                    "-m",
                    "headwater.libav.decoding.apart.child",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(self._memory.descriptor,),
                # Ctrl-C in the terminal is for this process, which ends the other.
                start_new_session=True,
            )
        finally:
            self._memory.close_descriptor()
        self.pid = self._process.pid

    def open(self) -> None:
        """Wait until it has a decoder. Raises RuntimeError where it can have none."""
        try:
            self._ask(self._order)
        except DecoderDied as error:
            # One that never began would not begin the next time.
            raise RuntimeError(str(error)) from error

    def decode(self, coded: CodedUnit) -> Sequence[tuple[Decoded, CodedUnit]]:
        """See `UnitDecoder.decode`. Raises DecoderDied when the process is gone."""
        self._inside.add(coded)
        decoded: list[tuple[Decoded, CodedUnit]] = []
        units = coded.unit.units
        while True:
            answer = self._ask(Request(coded.position, units, self._memory.free))
            for laid in answer.frames:
                unit = self._inside.take(laid.position, coded)
                decoded.append((self._frame(laid), unit))
            if not answer.more:
                return decoded
            units = ()

    def interrupt(self) -> None:
        """End the process: a call that waits for it raises."""
        self._process.kill()

    def close(self) -> None:
        """End the process, and free what it had; frames that were decoded stay."""
        process = self._process
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _frame(self, laid: Laid) -> Decoded:
        try:
            data = self._memory.look_at(laid.slot, sum(laid.planes))
            if len(self._memory.free) < RESERVE:
                data = data.copy()
            return frame_of(laid, data)
        except (ValueError, OverflowError) as error:
            raise self._ended(f"told nonsense: {error}") from error

    def _ask(self, said: Order | Request) -> Answer:
        process = self._process
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - asked for
        try:
            pickle.dump(said, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            line = process.stdout.readline(MOST_ANSWER_BYTES)
        except OSError as error:
            raise self._ended() from error
        if not line:
            raise self._ended()
        try:
            answer = read_answer(line)
        except ValueError as error:
            raise self._ended(f"told nonsense: {error}") from error
        if answer.problem:
            raise RuntimeError(answer.problem)
        return answer

    def _ended(self, how: str = "") -> DecoderDied:
        """Return what to raise now that nothing can be had of it any more."""
        if how:
            self._process.kill()
        code = self._process.wait()
        if not how:
            how = f"ended with exit code {code}" if code >= 0 else f"was ended by {_name(-code)}"
        return DecoderDied(f"its process {how}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
