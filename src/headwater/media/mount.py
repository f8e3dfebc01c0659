"""A path and what is published there: tracks, the publisher, the readers, and who may wait."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from headwater.media.counters import MountCounters
from headwater.media.publisher import Publisher
from headwater.media.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.start_plan import StartPlan
from headwater.media.track import Track

if TYPE_CHECKING:
    from headwater.media.snapshot import MountSnapshot
    from headwater.protocol.sdp import SessionDescription


class MountState(StrEnum):
    """The life of a mount: LIVE has a publisher, GRACE waits for one, CLOSED is over."""

    LIVE = "live"
    GRACE = "grace"
    CLOSED = "closed"


class Mount:
    """A path with its presentation, tracks, publisher and readers. Made by `MountTable.open`.

    Attributes:
        path: the path it is published under.
        presentation: the publisher's description.
        tracks: one per `m=` line, in order.
        publisher: who fills it, None in GRACE and when CLOSED.
        state: see `MountState`.
        settings: its settings, overrides applied.
        range_text: the Range header of the publisher's RECORD, handed to PLAY; None without one.
        opened_s: when it opened, seconds of the clock.
        publisher_since_s: when its present publisher came.
        counters: plain integers.
    """

    path: str
    presentation: SessionDescription
    tracks: tuple[Track, ...]
    publisher: Publisher | None
    state: MountState
    settings: MountSettings
    range_text: str | None
    opened_s: float
    publisher_since_s: float
    counters: MountCounters

    @property
    def readers(self) -> tuple[Reader, ...]:
        """The readers it knows: set up, playing or paused."""

    @property
    def last_packet_s(self) -> float:
        """When the last packet came on any track, seconds of the clock; 0.0 for never."""

    def plan_start(
        self, track_indexes: Sequence[int], instant_start: bool | None = None
    ) -> StartPlan:
        """Say where a reader of these tracks would begin now; nothing changes yet.

        `instant_start` True or False overrides the mount's setting, None leaves it.
        """

    def add_reader(self, reader: Reader) -> None:
        """Note a reader from its SETUP on, so that it is closed with the mount.

        Raises `MountFull` or `MountClosed`. One that is known already is fine.
        """

    def start_reader(self, reader: Reader, plan: StartPlan) -> None:
        """Send what was planned, paced, then join the reader live: in order, without a gap.

        To be called right after PLAY's answer was written. A reader that plays already begins
        anew by the plan. Raises `MountClosed`.
        """

    def stop_reader(self, reader: Reader, track_indexes: Sequence[int] | None = None) -> None:
        """Stop sending (PAUSE), on some tracks or all; the reader stays known to the mount."""

    def remove_reader(self, reader: Reader, reason: str = "left") -> None:
        """Forget a reader, whatever it was doing; one that is not known is fine."""

    def publisher_left(self, publisher: Publisher, reason: str, *, grace: bool = True) -> None:
        """Note that a publisher is gone: GRACE while readers wait, else CLOSED.

        Does nothing for one that is not the present publisher. With `grace` False the mount
        closes at once.
        """

    def close(self, reason: str) -> None:
        """Close the mount: readers and publisher are told to go. Again is fine."""

    def check(self, now: float) -> None:
        """Once a second: send an idle publisher away, log who drops packets."""

    def snapshot(self) -> MountSnapshot:
        """The mount as it is now, to keep and to use from any thread."""
