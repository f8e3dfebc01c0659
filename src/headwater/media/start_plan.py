"""Where a reader begins on each of its tracks: what PLAY's RTP-Info says, then what is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.media.packet_batch import PacketBatch


@dataclass(frozen=True, slots=True)
class StartPoint:
    """Where one track begins, for RTP-Info (RFC 2326 §12.33).

    Attributes:
        seq: sequence number of the first packet the reader gets; None when the track has never
            carried a packet, and RTP-Info must then leave the value out.
        rtptime: RTP timestamp of the instant at which the whole presentation begins for this
            reader, the same instant for all tracks; None when it cannot be known.
    """

    seq: int | None
    rtptime: int | None


NOWHERE = StartPoint(None, None)


@dataclass(frozen=True, slots=True)
class StartPlan:
    """What a reader will get first; made by `Mount.plan_start`, carried out by `start_reader`.

    Attributes:
        points: per track index where it begins.
        cached: kept batches to send first, in order of arrival, with their track index.
        generation: which key frame the cached batches begin with.
        cache_length: how many of that key frame's entries the plan has looked at.
    """

    points: Mapping[int, StartPoint]
    cached: Sequence[tuple[int, PacketBatch]] = ()
    generation: int = 0
    cache_length: int = 0
    from_key_frame: bool = field(default=False)

    @property
    def track_indexes(self) -> tuple[int, ...]:
        """The tracks that the reader set up."""
        return tuple(self.points)
