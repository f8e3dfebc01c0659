"""The process of one decoder: `python -m headwater.libav.decoding.apart.child`.

It decodes what comes by its standard input, lays frames into shared memory, and tells of them on
its standard output. It ends with the program that started it, also while it decodes.
"""

from __future__ import annotations

import os
import pickle
import select
import sys
import threading
from collections import deque
from typing import BinaryIO

from headwater.codecs.access_unit import AccessUnit
from headwater.libav.decoding.apart.laid_frame import lay
from headwater.libav.decoding.apart.slots import WrittenMemory
from headwater.libav.decoding.apart.talk import Answer, Order, Request
from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decoder import Decoded, Decoder

_LOOK_MS = 1_000


def main() -> None:
    """Decode until the standard input ends."""
    asked = sys.stdin.buffer
    # Whatever else writes to the standard output shall not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        order: Order = pickle.load(asked)  # noqa: S301 - of the program that started it
        threading.Thread(target=_end_with, args=(order.program,), daemon=True).start()
        decoder = Decoder(order.config, order.clock_rate_hz, device=order.device)
    except EOFError:
        return
    except Exception as error:  # noqa: BLE001 - it is told, whatever it is
        answers.write(Answer(problem=f"{type(error).__name__}: {error}").line())
        return
    answers.write(Answer().line())
    serve(asked, answers, decoder, WrittenMemory(order.memory))


def serve(asked: BinaryIO, answers: BinaryIO, decoder: Decoder, memory: WrittenMemory) -> None:
    """Answer one request after another."""
    waiting: deque[tuple[Decoded, CodedUnit]] = deque()
    while True:
        try:
            request: Request = pickle.load(asked)  # noqa: S301 - as above
        except EOFError:
            return
        if request.units:
            unit = AccessUnit(0, request.units)
            waiting += decoder.decode(CodedUnit(unit, request.position, 0.0, None, 0, 0))
        try:
            laid = tuple(
                lay(frame, coded.position, slot, memory.slot(slot))
                for slot, (frame, coded) in zip(request.free, waiting, strict=False)
            )
        except ValueError as error:
            answers.write(Answer(problem=str(error)).line())
            return
        for _ in laid:
            waiting.popleft()
        answers.write(Answer(laid, more=bool(waiting)).line())


def _end_with(program: int) -> None:
    """End this process as soon as the program is gone: a decoder that hangs reads nothing."""
    input_ends = select.poll()
    input_ends.register(0, 0)
    while os.getppid() == program and not input_ends.poll(_LOOK_MS):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
