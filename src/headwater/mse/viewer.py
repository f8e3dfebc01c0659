"""A browser that watches a mount by MSE: what it is sent, what it misses, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Final

from headwater.feeds.fed_reader import FedReader
from headwater.media.clock import Clock
from headwater.media.mount import Mount
from headwater.media.readers.slow_reader import longest_stall_s
from headwater.mse.fragment import Fragment, Head
from headwater.mse.frames import close_frame
from headwater.mse.mount_fragments import MountFragments
from headwater.net.stream import ByteStream
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity
from headwater.transports.queue_budget import QueueBudget

GOING_AWAY: Final = 1001
"""RFC 6455 §7.4.1: the server has nothing more to send."""
UNSUPPORTED: Final = 1003
_DRAINED: Final = 0.5
"""A slow viewer goes on, with a key frame, once its queue is down to this part of its bounds."""
_CLOSE_DEADLINE_S: Final = 1.0


class MseViewer(End):
    """One WebSocket on which fragments go out. They are written past the protocol above the
    stream: whole frames, so that what that writes in between stands between two of them."""

    def __init__(
        self,
        identity: EndIdentity,
        stream: ByteStream,
        families: Collection[str],
        budget: QueueBudget,
        *,
        clock: Clock,
        send_away: Callable[[MseViewer, str], None],
    ) -> None:
        """Make one that has not begun.

        Args:
            identity: who it is.
            stream: what carries it.
            families: the codecs that its browser plays, up to the first dot.
            budget: what may be queued for all readers together.
            clock: the mount's.
            send_away: closes it, for a reason.
        """
        super().__init__(identity, clock())
        self.reader = FedReader(identity, "websocket", self.ended)
        self._stream = stream
        self._families = frozenset(families)
        self._budget = budget
        self._clock = clock
        self._send_away = send_away
        self._fragments: MountFragments | None = None
        self._head: Head | None = None
        self._track_ids: frozenset[int] = frozenset()
        self._waits_for_key_frame = True
        # While it gets what was kept, more may wait for it.
        self._catches_up = True
        self._slow_since_s: float | None = None
        self._code = GOING_AWAY
        self._cause = ""
        self._begun = False

    def attach(self, mount: Mount, fragments: MountFragments) -> None:
        """Take a place on the mount, and begin. Raises MountFull, MountClosed."""
        mount.add_reader(self.reader)
        self.mount = mount
        mount.start_reader(self.reader, mount.plan_start(self.tracks, instant_start=False))
        self._stream.count_queue_in(self._budget.queued)
        self._fragments = fragments
        self._begun = True
        self._stream.cork()
        try:
            fragments.add(self)
        finally:
            self._stream.uncork()

    @property
    def state(self) -> SessionState:
        """PLAYING from the first fragment on."""
        return SessionState.READY if self._head is None else SessionState.PLAYING

    @property
    def transport(self) -> str | None:
        """How it is reached."""
        return self.reader.transport

    @property
    def tracks(self) -> Sequence[int]:
        """The tracks that it is sent."""
        if self.mount is None:
            return ()
        if self._head is None:
            return range(len(self.mount.tracks))
        return sorted(number - 1 for number in self._track_ids)

    def take(self, fragment: Fragment) -> None:
        """Send a fragment, unless the viewer lags behind too far."""
        if self.closed:
            return
        if fragment.head is not self._head and not self._begin(fragment):
            return
        if fragment.track_id not in self._track_ids:
            return
        if self._is_too_slow() or (self._waits_for_key_frame and not fragment.begins):
            self.reader.delivered.dropped_frames += 1
            self.reader.delivered.dropped_bytes += len(fragment.message)
            return
        self._waits_for_key_frame = False
        self.reader.delivered.sent_frames += 1
        self.reader.delivered.sent_bytes += len(fragment.message)
        self._stream.write(fragment.message)

    def _begin(self, fragment: Fragment) -> bool:
        """Send what stands in front of fragments from this one on, if it can be the first."""
        if not fragment.begins:
            self._waits_for_key_frame = True
            return False
        head = fragment.head
        playable = head.playable(self._families)
        if not playable or (head.has_pictures and not head.has_picture_of(playable)):
            self.ended(f"the browser plays none of what the mount has: {head.codecs}", UNSUPPORTED)
            return False
        self._head, self._track_ids = head, playable
        self._stream.write(head.message(playable))
        return True

    def _is_too_slow(self) -> bool:
        """Return whether too much waits already; ends who has been slow for too long."""
        queued_bytes = self._stream.queued_bytes
        if not queued_bytes:
            self._slow_since_s = None
            self._catches_up = False
            return False
        mount = self.mount
        if mount is None:
            return True
        settings = mount.settings
        now = self._clock()
        age_s = self._stream.oldest_queued_s(now)
        if self._budget.spent:
            self._budget.refusals += 1
            queued_bytes = sys.maxsize
        if self._catches_up:
            most_bytes, most_s = settings.catch_up_max_bytes, settings.catch_up_max_s
        else:
            part = _DRAINED if self._waits_for_key_frame else 1.0
            most_bytes = int(settings.slow_reader_max_bytes * part)
            most_s = settings.slow_reader_max_age_s * part
        if queued_bytes <= most_bytes and age_s <= most_s:
            self._slow_since_s = None
            return False
        self._waits_for_key_frame, self._catches_up = True, False
        if self._slow_since_s is None:
            self._slow_since_s = now
        longest_s = longest_stall_s(settings)
        if longest_s is not None and now - self._slow_since_s > longest_s:
            mount.disconnect_slow_reader(self.reader)
        return True

    def ended(self, cause: str, code: int = GOING_AWAY) -> None:
        """End, and tell the browser why."""
        self._code = code
        self._send_away(self, cause)

    # -- its end

    def leave_mount(self, cause: str) -> None:
        """Give its place on the mount back."""
        self._cause = cause
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.remove_reader(self.reader, cause)

    def release(self) -> None:
        """Take no more fragments."""
        fragments, self._fragments = self._fragments, None
        if fragments is not None:
            fragments.remove(self)

    def let_go(self, *, by_server: bool) -> None:
        """Close the WebSocket; a peer that did not ask for it is told why."""
        if not self._begun:
            return
        if by_server:
            self._stream.write(close_frame(self._code, self._cause))
        self._stream.close(_CLOSE_DEADLINE_S)
