"""What workers have counted that have ended, or do not answer."""

from __future__ import annotations

from machine import machine
from rtsp_peer import TcpPublisher, TcpReader

from headwater.app.workers.kept_totals import KeptTotals, totals_in
from headwater.control.figures import Timed
from headwater.histogram import OF_WAITING_S, Histogram


async def test_totals_are_what_only_grows() -> None:
    async with machine(1) as one:
        publisher = await TcpPublisher.start(one.port(0), one.url(0))
        await publisher.send(1)
        reader = await TcpReader.start(one.port(0), one.url(0))
        await reader.peer.frame()
        status = one.workers[0].server.status()
        histogram = Histogram(OF_WAITING_S)
        histogram.add(0.3)
        totals = totals_in(status, [Timed("waits_seconds", "Waits.", histogram)], None)
        kept = totals.status
        assert (kept.counters, kept.access, kept.drops) == (
            status.counters,
            status.access,
            status.drops,
        )
        assert kept.connections.bytes_received == status.connections.bytes_received > 0
        assert kept.process.cpu_user_s == status.process.cpu_user_s
        now = kept.connections, kept.ports, kept.process
        assert [now[0].open, now[1].udp_pairs, now[1].udp_pairs_available] == [0, 0, 0]
        assert [now[2].memory_bytes, now[2].descriptors, now[2].threads] == [None, None, 0]
        assert (kept.mounts, kept.sessions, kept.egresses) == ((), (), ())
        assert totals.timed[0].histogram.count == 1

        workers = KeptTotals()
        assert workers.besides(()) is None
        workers.note("worker-1", totals)
        assert workers.besides({"worker-1"}) is None
        assert workers.besides({"worker-2"}) == totals
        # Each that had the name counts, with the last that it told.
        for _ in range(2):
            workers.note("worker-1", totals)
            workers.note("worker-1", totals)
            workers.leave("worker-1")
        workers.leave("worker-1")
        both = workers.besides({"worker-1"})
        assert both is not None
        assert both.status.counters.requests == 2 * status.counters.requests > 0
        assert both.status.connections.open == 0
        assert both.timed[0].histogram.count == 2
