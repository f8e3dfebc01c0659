"""A thread that decodes one track, beside the loop that feeds it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decoder import Decoded, UnitDecoder
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

MOST_WAITING = 256
"""Access units that wait for the decoder: some seconds of pictures, or of sound."""
MOST_WAITING_BYTES = 32 << 20
LONGEST_WAIT_S = 2.0
"""A decoder that is further behind goes on with the next key frame."""
HANGS_AFTER_S = 5.0
"""One access unit takes milliseconds; a decoder that takes so long never returns."""
MOST_FAILURES = 3
"""So many threads that never return are left behind, or decoders that cannot be opened in a row;
then nothing is decoded any more."""

OnDecoded = Callable[[Sequence[tuple[Decoded, CodedUnit]]], None]


class DecodeThread:
    """Feeds a decoder in a thread of its own, and replaces both when the decoder hangs.

    All methods are for the thread that made it, usually the loop's.

    Attributes:
        overrun_units: access units thrown away because the decoder was too slow.
        problem: why nothing is decoded any more, in words; None while it is.
    """

    def __init__(
        self,
        make_decoder: Callable[[], UnitDecoder],
        on_decoded: OnDecoded,
        *,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it; the thread starts with the first access unit.

        Args:
            make_decoder: opens a decoder; called in the thread.
            on_decoded: called in the thread with what came out.
            name: what the thread is called.
            clock: seconds.
        """
        self._make_decoder = make_decoder
        self._on_decoded = on_decoded
        self._name = name
        self._clock = clock
        self._worker: _Worker | None = None
        self._waits_for_key = True
        self._hangs = 0
        self.overrun_units = 0
        self.problem: str | None = None

    @property
    def waits_for_key_frame(self) -> bool:
        """Whether the next access unit that is taken is a key frame's."""
        return self._waits_for_key

    def put(self, coded: CodedUnit) -> None:
        """Have an access unit decoded. Nothing waits: what is too much is thrown away.

        Then everything up to the next key frame is, since it cannot be decoded without.
        """
        self._look_after_worker()
        if self.problem is not None or (self._waits_for_key and not coded.unit.key_frame):
            self.overrun_units += 1
            return
        self._waits_for_key = False
        if self._worker is None:
            self._worker = _Worker(self._make_decoder, self._on_decoded, self._name, self._clock)
        if not self._worker.put(coded):
            self._waits_for_key = True
            self.overrun_units += 1

    def stop(self) -> None:
        """Let the thread end after what it works at; nothing is told any more."""
        worker, self._worker = self._worker, None
        self._waits_for_key = True
        if worker is not None:
            worker.stop()

    def _look_after_worker(self) -> None:
        worker = self._worker
        if worker is None:
            return
        if worker.failures:
            self._waits_for_key = True
            if worker.failures >= MOST_FAILURES:
                self.problem = f"its decoder cannot be used: {worker.last_error}"
                self.stop()
        elif worker.hangs_since(self._clock() - HANGS_AFTER_S):
            self._hangs += 1
            extra = {"decoder": self._name, "hangs": self._hangs}
            logger.error("a decoder does not return; it is left behind", extra=extra)
            if self._hangs >= MOST_FAILURES:
                self.problem = f"its decoder did not return, {self._hangs} times"
            self.stop()


class _Worker:
    """One thread with one decoder and what waits for it."""

    def __init__(
        self,
        make_decoder: Callable[[], UnitDecoder],
        on_decoded: OnDecoded,
        name: str,
        clock: Callable[[], float],
    ) -> None:
        self._make_decoder = make_decoder
        self._on_decoded = on_decoded
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[CodedUnit, float]] = deque()
        self._waiting_bytes = 0
        self._busy_since_s: float | None = None
        self._stopped = False
        self.failures = 0
        self.last_error = ""
        # A daemon: one that never returns must not keep the program from its end.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def put(self, coded: CodedUnit) -> bool:
        """Return whether there was room."""
        now = self._clock()
        with self._changed:
            waiting = self._waiting
            if waiting and (
                len(waiting) >= MOST_WAITING
                or self._waiting_bytes + coded.size_bytes > MOST_WAITING_BYTES
                or now - waiting[0][1] > LONGEST_WAIT_S
            ):
                return False
            waiting.append((coded, now))
            self._waiting_bytes += coded.size_bytes
            self._changed.notify()
        return True

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify()

    def hangs_since(self, instant_s: float) -> bool:
        busy_since_s = self._busy_since_s
        return busy_since_s is not None and busy_since_s <= instant_s

    def _run(self) -> None:
        decoder: UnitDecoder | None = None
        while (coded := self._next()) is not None:
            self._busy_since_s = self._clock()
            try:
                if decoder is None:
                    decoder = self._make_decoder()
                decoded = decoder.decode(coded)
                self.failures = 0
                if decoded and not self._stopped:
                    self._on_decoded(decoded)
            except Exception as error:
                logger.exception("a decoder failed; another begins with the next key frame")
                decoder = None
                self.last_error = f"{type(error).__name__}: {error}"
                self.failures += 1
            self._busy_since_s = None

    def _next(self) -> CodedUnit | None:
        with self._changed:
            while not self._waiting and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return None
            coded, _ = self._waiting.popleft()
            self._waiting_bytes -= coded.size_bytes
            return coded
