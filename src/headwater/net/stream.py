"""The byte stream that a connection writes to and hears from, with or without TLS beneath."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeGuard

from headwater.net.socket_address import Address


class QueuedTotal:
    """The bytes in the queues of all streams that share it, exact at any moment.

    What the kernel takes at once is in no queue, so it costs nothing where nobody lags behind.
    """

    __slots__ = ("size_bytes",)

    def __init__(self) -> None:
        self.size_bytes = 0


class StreamReceiver(Protocol):
    """What a stream tells its owner. All calls come from the event loop, never from `write`."""

    def stream_data(self, data: bytes) -> None:
        """Take bytes that arrived; never empty."""

    def stream_closed(self, error: Exception | None) -> None:
        """Learn, exactly once and last of all, that the stream is gone.

        `error` is None when either side closed in order, else what broke it.
        """

    def stream_drained(self) -> None:
        """Learn that everything queued by `write` has been handed to the kernel."""


class HalfCloseReceiver(StreamReceiver, Protocol):
    """A receiver that still has something to say after its peer has ended its own side."""

    def stream_ended(self) -> bool:
        """Learn that the peer sends no more; return True to keep the writing side open.

        A receiver that returns True must call `close` or `abort` itself. One that returns False,
        or lacks this method, has its stream flushed and closed.
        """


class _Nobody:
    """The receiver of a stream that has told its owner that it is gone."""

    def stream_data(self, data: bytes) -> None:
        """Take bytes that arrived."""

    def stream_closed(self, error: Exception | None) -> None:
        """Learn that the stream is gone."""

    def stream_drained(self) -> None:
        """Learn that nothing waits any more."""


NOBODY: Final[StreamReceiver] = _Nobody()


def may_write_on(receiver: StreamReceiver) -> TypeGuard[HalfCloseReceiver]:
    """Return whether a receiver is one; `isinstance` would look at every member of the protocol."""
    return hasattr(receiver, "stream_ended")


class DirectWriter(Protocol):
    """One who writes to the socket of a stream itself while the stream has nothing to do.

    So many streams can be written to in a row without a call of Python for each.
    """

    def stream_changed(self) -> None:
        """Learn that `DirectPath.send` may be another now."""

    def settle(self) -> None:
        """Report by `DirectPath.note_sent` what was sent directly and not reported yet."""


class DirectPath(Protocol):
    """The way past a stream to its socket."""

    @property
    def send(self) -> Callable[[bytes], int] | None:
        """The socket's own `send` as long as `write` would do nothing else, None otherwise.

        Valid until `stream_changed`.
        """

    def watch(self, writer: DirectWriter) -> None:
        """Tell `writer` from now on when `send` changes, and have it settle when bytes count."""

    def unwatch(self, writer: DirectWriter) -> None:
        """Tell `writer` no more."""

    def note_sent(self, size_bytes: int) -> None:
        """Count bytes that were sent directly; a negative number takes some back."""

    def go_on(self, data: bytes, sent: int) -> None:
        """Queue the rest of `data`, of which the kernel took `sent` bytes directly."""

    def abort(self, error: Exception | None = None) -> None:
        """Close the stream at once, because sending directly failed."""


class ByteStream(Protocol):
    """What a stream offers, whatever carries it. Times are those of the loop's clock, seconds."""

    @property
    def local_address(self) -> Address:
        """The address of this end."""

    @property
    def peer_address(self) -> Address:
        """The address of the other end, IPv4-mapped ones as IPv4."""

    @property
    def secure(self) -> bool:
        """Whether TLS protects the stream."""

    @property
    def peer_certificate(self) -> Mapping[str, Any] | None:
        """The peer's verified certificate as `ssl` decodes it; None when it showed none."""

    @property
    def closed(self) -> bool:
        """Whether the stream takes no more writes: closing, failed or gone."""

    @property
    def queued_bytes(self) -> int:
        """Bytes written and not yet taken by the kernel."""

    @property
    def writes_stalled_since(self) -> float | None:
        """When the kernel last took bytes, while some are queued; None when none are."""

    @property
    def bytes_received(self) -> int:
        """Bytes that came from the wire so far."""

    @property
    def bytes_sent(self) -> int:
        """Bytes that the kernel took for the wire so far."""

    @property
    def direct(self) -> DirectPath | None:
        """The way to its socket for those who write to many streams; None with TLS."""

    def oldest_queued_s(self, now: float) -> float:
        """Return the age in seconds of the oldest unsent byte, 0.0 when nothing is queued."""

    def write(self, data: bytes) -> None:
        """Send now what the kernel takes and queue the rest without copying it.

        Never raises for the connection: a failure is told once by `stream_closed`. After `close`,
        `abort` or a failure it does nothing.
        """

    def count_queue_in(self, total: QueuedTotal) -> None:
        """Count what is queued in another total from now on."""

    def cork(self) -> None:
        """Queue what is written until `uncork`, so that it leaves in one system call."""

    def uncork(self) -> None:
        """Send what was queued since `cork`; without one it does nothing."""

    def pause_reading(self) -> None:
        """Take nothing from the peer until `resume_reading`; the kernel then slows it down."""

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""

    def read_first(self) -> None:
        """Have it read before other work from now on, since it brings live media.

        Whoever asks for it asks for `read_in_turn` as well, at the end at the latest.
        """

    def read_in_turn(self) -> None:
        """Undo `read_first`, also once it is closed."""

    def close(self, deadline_s: float | None = None) -> None:
        """Take no more writes or data, flush what is queued, then close.

        What is not flushed after `deadline_s` (default: the stream's own) is given up.
        """

    def abort(self, error: Exception | None = None) -> None:
        """Close at once, giving up what is queued. Safe from inside any callback."""
