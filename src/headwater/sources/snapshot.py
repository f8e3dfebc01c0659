"""Sources to look at: plain values, safe to keep, to send and to use from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.sources.meter import SourceReception
from headwater.sources.state import SourceState

if TYPE_CHECKING:
    from headwater.sources.candidate import Candidate


@dataclass(frozen=True, slots=True)
class CandidateSnapshot:
    """One of a path's sources as it was at one moment.

    Attributes:
        url: where it is fetched from, without user name, password and secrets.
        state: what it does.
        live: whether readers get its packets.
        up_s: for how many seconds its packets have come; 0.0 while they do not.
        tries: how often it was opened.
        failures: how often it could not be, or ended.
        last_error: why, the last time, in words; "" where it never did.
        next_try_s: seconds until it is tried again; 0.0 unless it is waiting.
    """

    url: str
    state: SourceState
    live: bool
    up_s: float
    tries: int
    failures: int
    last_error: str
    next_try_s: float


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """What fills a path as it was at one moment: its source, and the fallbacks behind it.

    Attributes:
        path: the path of the mount.
        on_demand: whether it is fetched only while somebody wants it.
        live: the URL of the source whose packets readers get; "" while there is none.
        sources: the first choice, then its fallbacks.
        session: the id of the live one's session; "" while there is none.
        transport: how its media comes, such as `udp`; "" while it does not.
        reception: how well it comes; None while it does not.
    """

    path: str
    on_demand: bool
    live: str
    sources: tuple[CandidateSnapshot, ...]
    session: str
    transport: str
    reception: SourceReception | None


def candidate_snapshot(candidate: Candidate, now: float, *, is_live: bool) -> CandidateSnapshot:
    """Return one source as it is now."""
    began_s = candidate.began_s
    is_waiting = candidate.state is SourceState.WAITING
    return CandidateSnapshot(
        url=candidate.name,
        state=candidate.state,
        live=is_live,
        up_s=0.0 if began_s is None else now - began_s,
        tries=candidate.tries,
        failures=candidate.failures,
        last_error=candidate.last_error,
        next_try_s=max(0.0, candidate.not_before_s - now) if is_waiting else 0.0,
    )
