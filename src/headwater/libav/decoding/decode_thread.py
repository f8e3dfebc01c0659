"""A thread that decodes one track, beside the loop that feeds it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decoder import Decoded, UnitDecoder
from headwater.libav.decoding.errors import DecoderDied
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

MOST_WAITING = 256
"""Access units that wait for the decoder: some seconds of pictures, or of sound."""
MOST_WAITING_BYTES = 32 << 20
LONGEST_WAIT_S = 2.0
"""A decoder that is further behind goes on with the next key frame."""
HANGS_AFTER_S = 5.0
"""One access unit takes milliseconds; a decoder that takes so long never returns."""
OPENS_WITHIN_S = 30.0
"""A process begins in a third of a second, and in some seconds on a machine that is busy."""
MOST_FAILURES = 3
"""So many threads that never return are left behind, or decoders that cannot be opened in a row;
then nothing is decoded any more."""
FIRST_REST_S = 0.5
LONGEST_REST_S = 30.0
"""Before a process takes the place of one that died. The rest doubles from death to death, and is
short again after a process that lived for so long."""

OnDecoded = Callable[[Sequence[tuple[Decoded, CodedUnit]], int], None]
"""Called with what came out, and how many access units before it were not decoded."""


class DecodeThread:
    """Feeds a decoder in a thread of its own, and replaces both when the decoder hangs or dies.

    All methods are for the thread that made it, usually the loop's.

    Attributes:
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
            make_decoder: makes a decoder; called in the thread.
            on_decoded: called in the thread with what came out.
            name: what the thread is called.
            clock: seconds.
        """
        self._make_decoder = make_decoder
        self._on_decoded = on_decoded
        self._name = name
        self._clock = clock
        self._worker: _Worker | None = None
        self._began_s = 0.0
        self._waits_for_key = True
        self._undecoded = 0
        self._failures_seen = 0
        self._hangs = 0
        self._rest_s = FIRST_REST_S
        self._rests_until_s = float("-inf")
        self.problem: str | None = None

    @property
    def waits_for_key_frame(self) -> bool:
        """Whether the next access unit that is taken is a key frame's."""
        return self._waits_for_key

    @property
    def undecoded_units(self) -> int:
        """Access units that were not decoded: the decoder was too slow, failed, hung or died."""
        worker = self._worker
        return self._undecoded + (0 if worker is None else worker.undecoded)

    def put(self, coded: CodedUnit) -> None:
        """Have an access unit decoded. Nothing waits: what is too much is thrown away.

        Then everything up to the next key frame is, since it cannot be decoded without.
        """
        now = self._clock()
        self._look_after_worker(now)
        is_missing = self._waits_for_key and not coded.unit.key_frame
        if self.problem is not None or is_missing or now < self._rests_until_s:
            self._waits_for_key = True
            self._undecoded += 1
            return
        self._waits_for_key = False
        if self._worker is None:
            self._began_s, self._failures_seen = now, 0
            self._worker = _Worker(self._make_decoder, self._on_decoded, self._name, self._clock)
        if not self._worker.put(coded, self._undecoded):
            self._waits_for_key = True
            self._undecoded += 1

    def stop(self) -> None:
        """Let the thread end after what it works at; nothing is told any more."""
        self._waits_for_key = True
        worker, self._worker = self._worker, None
        if worker is not None:
            self._undecoded += worker.stop()

    def _look_after_worker(self, now: float) -> None:
        worker = self._worker
        if worker is None:
            return
        if worker.death:
            self._rest(now, worker.death)
        elif worker.failures > self._failures_seen:
            self._failures_seen = worker.failures
            self._waits_for_key = True
            if worker.failures_in_a_row >= MOST_FAILURES:
                self.problem = f"its decoder cannot be used: {worker.last_error}"
                self.stop()
        elif worker.hangs_at(now):
            self._hangs += 1
            extra = {"decoder": self._name, "hangs": self._hangs}
            logger.error("a decoder does not return; it is left behind", extra=extra)
            if self._hangs >= MOST_FAILURES:
                self.problem = f"its decoder did not return, {self._hangs} times"
            self.stop()

    def _rest(self, now: float, death: str) -> None:
        """Take no other decoder at once: what killed this one may kill the next one too."""
        if now - self._began_s > LONGEST_REST_S:
            self._rest_s = FIRST_REST_S
        extra = {"decoder": self._name, "cause": death, "rest_s": self._rest_s}
        logger.error("a decoder died; another begins after a rest", extra=extra)
        self._rests_until_s = now + self._rest_s
        self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
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
        self._waiting: deque[tuple[CodedUnit, float, int]] = deque()
        self._waiting_bytes = 0
        self._decoder: UnitDecoder | None = None
        self._due_s: float | None = None
        self._stopped = False
        self.death = ""
        self.failures = self.failures_in_a_row = 0
        self.undecoded = 0
        self.last_error = ""
        # A daemon: one that never returns must not keep the program from its end.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def put(self, coded: CodedUnit, undecoded: int) -> bool:
        """Return whether there was room; `undecoded` access units were thrown away before it."""
        now = self._clock()
        with self._changed:
            waiting = self._waiting
            if self.death or (
                waiting
                and (
                    len(waiting) >= MOST_WAITING
                    or self._waiting_bytes + coded.size_bytes > MOST_WAITING_BYTES
                    or now - waiting[0][1] > LONGEST_WAIT_S
                )
            ):
                return False
            waiting.append((coded, now, undecoded))
            self._waiting_bytes += coded.size_bytes
            self._changed.notify()
        return True

    def stop(self) -> int:
        """Return how many access units it did not decode, with what it is at and what waits."""
        with self._changed:
            self._stopped = True
            undecoded = self.undecoded + len(self._waiting) + (self._due_s is not None)
            self._waiting.clear()
            decoder = self._decoder
            self._changed.notify()
        if decoder is not None:
            decoder.interrupt()
        return undecoded

    def hangs_at(self, now: float) -> bool:
        due_s = self._due_s
        return due_s is not None and due_s <= now

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._work_at(*item)
        except DecoderDied as error:
            with self._changed:
                self.undecoded += 1 + len(self._waiting)
                self._waiting.clear()
                self.death = str(error)
        finally:
            self._close()

    def _work_at(self, coded: CodedUnit, _put_s: float, undecoded: int) -> None:
        if self._decoder is None and not coded.unit.key_frame:
            # Behind one that failed: it cannot be decoded without what that one had.
            self.undecoded += 1
            return
        try:
            decoder = self._decoder or self._opened()
            self._due_s = self._clock() + HANGS_AFTER_S
            decoded = decoder.decode(coded)
            self.failures_in_a_row = 0
            if decoded and not self._stopped:
                self._on_decoded(decoded, undecoded + self.undecoded)
        except DecoderDied:
            raise
        except Exception as error:
            if not self._stopped:
                logger.exception("a decoder failed; another begins with the next key frame")
            self.last_error = f"{type(error).__name__}: {error}"
            self.undecoded += 1
            self.failures_in_a_row += 1
            self.failures += 1
            self._close()
        finally:
            self._due_s = None

    def _opened(self) -> UnitDecoder:
        self._due_s = self._clock() + OPENS_WITHIN_S
        decoder = self._make_decoder()
        with self._changed:
            self._decoder = decoder
            if self._stopped:
                raise DecoderDied("it was stopped")
        decoder.open()
        return decoder

    def _close(self) -> None:
        with self._changed:
            decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()

    def _next(self) -> tuple[CodedUnit, float, int] | None:
        with self._changed:
            while not self._waiting and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return None
            item = self._waiting.popleft()
            self._waiting_bytes -= item[0].size_bytes
            return item
