"""The way in and out for the program that the server runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from headwater.media.errors import MountBusy, MountClosed, MountFull
from headwater.protocol.sdp import SessionDescription
from headwater.relay.batch_reader import BatchReader, OnBatch
from headwater.relay.end import End
from headwater.relay.errors import LimitReached, ServerStopping
from headwater.relay.packet_publisher import OnKeyFrameWanted, PacketPublisher
from headwater.relay.relay import Relay
from headwater.side import Side


class Programs:
    """Opens the readers and publishers of a program: limits and hooks are those of all others.

    The program is the owner's, so nobody asks it for a password.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def read(
        self,
        path: str,
        on_batch: OnBatch | None,
        *,
        on_rtcp: OnBatch | None,
        on_end: Callable[[str], None] | None,
        tracks: Sequence[int] | None,
        instant_start: bool | None,
        user_agent: str,
    ) -> BatchReader:
        """Open a reader of a mount.

        Raises LookupError if nobody publishes there, RuntimeError if no reader may come.
        """
        relay = self._relay
        mount = relay.mounts.get(path)
        if mount is None:
            raise LookupError(f"nobody publishes on {path}; server.wait_for_mount waits for it")
        with _told_as_runtime_error():
            relay.require_room(Side.PLAY, "", "")
            reader = BatchReader(
                relay,
                mount,
                on_batch=on_batch,
                on_rtcp=on_rtcp,
                on_end=on_end,
                user_agent=user_agent,
            )
            with self._opened(reader):
                reader.begin(tracks, instant_start=instant_start)
        return reader

    def publish(
        self,
        path: str,
        presentation: SessionDescription,
        *,
        on_key_frame_wanted: OnKeyFrameWanted | None,
        user_agent: str,
    ) -> PacketPublisher:
        """Open a publisher and its mount. Raises RuntimeError if no publisher may come."""
        relay = self._relay
        with _told_as_runtime_error():
            relay.require_room(Side.PUBLISH, "", "")
            relay.reservations.check(path)
            publisher = PacketPublisher(
                relay,
                path,
                presentation,
                on_key_frame_wanted=on_key_frame_wanted,
                user_agent=user_agent,
            )
            with self._opened(publisher):
                relay.descriptions.give(publisher, presentation)
                publisher.begin()
        return publisher

    @contextmanager
    def _opened(self, end: End) -> Iterator[None]:
        """Open an end; whatever fails in the block closes it again."""
        self._relay.open(end)
        try:
            yield
        except BaseException:
            self._relay.close(end, "not begun")
            raise


@contextmanager
def _told_as_runtime_error() -> Iterator[None]:
    try:
        yield
    except (LimitReached, MountBusy, MountClosed, MountFull, ServerStopping) as error:
        raise RuntimeError(str(error)) from error
