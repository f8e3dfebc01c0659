"""The relay: mounts, and all that publishers and readers of every kind share on them."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from headwater.access.authenticator import Authenticator
from headwater.hooks import HookRunner
from headwater.log_pace import paced_logger
from headwater.media.cache_budget import CacheBudget
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.observer import MountObserver
from headwater.media.publisher import Publisher
from headwater.media.readers.start_room import StartRoom
from headwater.media.settings import MountSettings
from headwater.media.tracks.rtcp_participant import RtcpParticipant
from headwater.net.steady_loop import SteadyLoop
from headwater.net.tls_context import ServerTls
from headwater.net.urgent_sockets import urgent_sockets
from headwater.relay.admission import Admission
from headwater.relay.bit_rates import BitRates
from headwater.relay.certificates import Certificates
from headwater.relay.counters import ServerCounters
from headwater.relay.description_budget import DescriptionBudget
from headwater.relay.end import End
from headwater.relay.end_table import EndTable
from headwater.relay.ending_grants import EndingGrants
from headwater.relay.errors import ServerStopping
from headwater.relay.events import EventFeed
from headwater.relay.finding import MountFinding
from headwater.relay.full_budgets import FullBudgets
from headwater.relay.limits import Limits
from headwater.relay.memory_return import MemoryReturn, Turnover
from headwater.relay.name_space import ALONE, NameSpace
from headwater.relay.notices import Notices, ObservedSource
from headwater.relay.path_watch import PathWatch
from headwater.relay.reports import Reports
from headwater.relay.reservations import Reservations
from headwater.relay.settings import RelaySettings
from headwater.relay.timings import Timings
from headwater.relay.upkeep import Upkeep
from headwater.side import Side
from headwater.transports.departures import Departures
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.transport_factory import TransportFactory

logger = paced_logger(__name__)

_ID_BYTES = 12
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def new_end_id() -> str:
    """Return an id for a publisher or reader.

    RFC 2326 §3.4 wants ids that cannot be guessed; letters and digits only, since a dash makes
    some clients cut the id there.
    """
    return os.urandom(_ID_BYTES).hex()


@lru_cache(maxsize=256)
def _counted_cause(cause: str) -> str:
    """Return the cause without its details: a counter must not grow with what peers make up."""
    return _NUMBER.sub("N", cause.partition(":")[0])


class Relay:
    """The parts of one running server that know no protocol. Each way in and out takes of them
    what it needs; `open` and `close` are how its publishers and readers come and go.

    Attributes:
        id: the name by which it knows its own streams when they come back to it.
        draining: whether the server was told to stop: who is here may stay a while, nobody comes.
        timings: how long things take, once somebody wants to know.
        name_space: who has the paths that are not here; set by `join`.
    """

    def __init__(
        self, settings: RelaySettings, loop: SteadyLoop, hooks: Mapping[Side, HookRunner]
    ) -> None:
        limits = settings.limits
        self.loop = loop
        self.clock: Callable[[], float] = loop.time
        self.draining = False
        self.id = f"headwater-{new_end_id()}"
        self.name_space: NameSpace = ALONE
        self.counters = ServerCounters()
        self.turnover = Turnover()
        self.limits = Limits(limits, self.counters)
        self.ends = EndTable(self.limits)
        self.admission = Admission(Authenticator(settings.access), hooks, loop.time)
        self.certificates = Certificates(ServerTls(settings.tls) if settings.tls.enabled else None)
        self.departures = Departures(loop)
        self.events = EventFeed()
        self._notices = Notices(self.ends, hooks, self.events)
        participant = RtcpParticipant.random()
        self.queue_budget = QueueBudget(limits.reader_queue_bytes_total)
        self.mounts = MountTable(
            clock=loop.time,
            call_later=loop.call_later,
            settings=settings.mounts,
            overrides=settings.overrides_of(MountSettings),
            observer=self._notices,
            end_soon=self.departures.add,
            relay_live=urgent_sockets(loop).read_waiting,
            participant=participant,
            cache_budget=CacheBudget(limits.gop_cache_bytes_total),
            start_room=StartRoom(
                limits.catch_up_bytes_total, lambda: self.queue_budget.queued.size_bytes
            ),
        )
        self.answer_budget = QueueBudget(limits.answer_queue_bytes_total)
        self.transports = TransportFactory(loop, settings.rtp, settings.sockets, self.queue_budget)
        self.finding = MountFinding(self.mounts)
        self.reservations = Reservations(self.mounts)
        self.descriptions = DescriptionBudget(limits.description_bytes_total)
        self.upkeep = Upkeep(loop)
        self.bit_rates = BitRates(self.limits, self.mounts, self._send_publisher_away)
        self.reports = Reports(self.mounts, participant, settings.rtp.receiver_report_interval_s)
        self.timings = Timings(self.mounts, loop.time)
        self._grants = EndingGrants(self.ends, self.admission, self.send_away)
        self.path_watch = PathWatch()
        self._hooks = hooks
        self._add_upkeep()

    def _add_upkeep(self) -> None:
        queues = {
            "limits.reader_queue_bytes_total": self.queue_budget,
            "limits.answer_queue_bytes_total": self.answer_budget,
        }
        self.upkeep.add(
            self.bit_rates.check,
            FullBudgets(
                self.limits, queues, self.mounts.cache_budget, self.mounts.start_room
            ).check,
            self.mounts.check,
            self.reports.send_to_publishers,
            self.reports.send_to_readers,
            self._grants.check,
            self.timings.check,
            self.certificates.check,
            MemoryReturn(self.turnover, self._left_bytes).check,
        )

    def start_timings(self) -> None:
        """Begin to look how long things take."""
        self.timings.start()
        self._notices.on_join = self.timings.reader_joined

    def watch_mounts(self, watcher: MountObserver) -> None:
        """Have a room told of mounts that open and close, and of their publishers."""
        self._notices.watchers.append(watcher)

    def join(self, name_space: NameSpace) -> None:
        """Share paths and ports with other processes; before the start."""
        self.name_space = self.reservations.name_space = name_space
        self._notices.is_pulled = name_space.pulls

    def start(self) -> None:
        """Start the periodic work, and say so where the certificate is not valid."""
        self.upkeep.start()
        self.certificates.start()

    def stop(self) -> None:
        """Stop the periodic work; a second call does nothing."""
        self.upkeep.stop()
        self._grants.stop()

    def apply(self, settings: RelaySettings) -> tuple[str, ...]:
        """Go by other settings; returns the paths of the open mounts for which this changed any.

        Certificates, which can be refused, are taken by `certificates`; rooms that work for paths
        are told by `path_watch`, once all else is done.
        """
        limits = settings.limits
        self.limits.settings = limits
        self.queue_budget.most_bytes = limits.reader_queue_bytes_total
        self.answer_budget.most_bytes = limits.answer_queue_bytes_total
        self.descriptions.most_bytes = limits.description_bytes_total
        self.mounts.cache_budget.most_bytes = limits.gop_cache_bytes_total
        self.mounts.start_room.most_bytes = limits.catch_up_bytes_total
        for runner in self._hooks.values():
            runner.apply(settings.hooks)
        self.admission.apply(settings.access)
        self.transports.apply(settings.rtp, settings.sockets)
        self.reports.interval_s = settings.rtp.receiver_report_interval_s
        return self.mounts.apply(settings.mounts, settings.overrides_of(MountSettings))

    def require_room(self, side: Side, address_block: str, peer: str) -> None:
        """Raise LimitReached or ServerStopping where one more publisher or reader may not come."""
        if self.draining:
            raise ServerStopping
        self.ends.require_room(side, address_block, peer)

    def open(self, end: End) -> None:
        """Take in a publisher or reader that `require_room` let through, and tell the hooks."""
        self.ends.add(end)
        self.counters.sessions_opened += 1
        try:
            self._notices.end_opened(end)
        except BaseException:
            self.close(end, "not opened")
            raise

    def close(self, end: End, cause: str, *, by_server: bool = False) -> None:
        """End a publisher or reader and free all it holds; a second call does nothing.

        `by_server`: the peer did not ask for it, and is told where that can be done.
        """
        if end.closed:
            return
        end.closed = True
        # Taken now: the steps below let go of it.
        mount = end.mount
        steps: tuple[tuple[Callable[..., object], tuple[object, ...]], ...] = (
            (end.leave_mount, (cause,)),
            (end.release, ()),
            (self.reservations.give_back, (end,)),
            (self.descriptions.take_back, (end,)),
            (self._forget, (end, cause)),
            (self._notices.end_closed, (end, mount, cause)),
            (partial(end.let_go, by_server=by_server), ()),
        )
        for step, arguments in steps:
            try:
                step(*arguments)
            except Exception:
                # Whatever one step meets, the others still free what is theirs.
                logger.exception("a session's end failed in part", extra=_fields(end, cause))

    def tell_source(self, source: ObservedSource, reason: str) -> None:
        """Tell hooks and events that another source of a path is live, or none any more."""
        self._notices.source_changed(source, reason)

    def passed(self, mount: Mount) -> tuple[str, ...]:
        """Return the servers, or their mounts, that a mount's media has come through."""
        publisher = mount.publisher
        end = None if publisher is None else self.ends.get(publisher.id)
        return () if end is None else end.via

    def send_away(self, end: End, cause: str) -> None:
        """End a publisher or reader that did not ask for it."""
        self.close(end, cause, by_server=True)

    def close_by_id(self, end_id: str, cause: str) -> bool:
        """End the publisher or reader of this id; False when there is none."""
        end = self.ends.get(end_id)
        if end is None:
            return False
        self.send_away(end, cause)
        return True

    def _send_publisher_away(self, publisher: Publisher, cause: str) -> None:
        self.close_by_id(publisher.id, cause)

    def _forget(self, end: End, cause: str) -> None:
        self.ends.remove(end)
        self.name_space.give_back(end.id)
        self.counters.sessions_closed_by_cause[_counted_cause(cause)] += 1
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("session closed", extra=_fields(end, cause))

    def _left_bytes(self) -> int:
        return self.mounts.cache_budget.left_bytes + self.descriptions.left_bytes


def _fields(end: End, cause: str) -> dict[str, str]:
    return {
        "mount": end.path,
        "session": end.id,
        "peer": end.peer,
        "role": end.side.value,
        "kind": end.kind.value,
        "cause": cause,
    }
