"""What happens by the clock: sweeps once a second, receiver reports every few."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.net.event_loop import Timer
from headwater.net.tls_context import ServerTls, TlsFilesError
from headwater.protocol.rtcp_build import ntp_time
from headwater.server.bit_rates import BitRates
from headwater.server.deadlines import enforce_deadlines
from headwater.server.memory_return import MemoryReturn

if TYPE_CHECKING:
    from headwater.media.mount import Mount
    from headwater.media.publisher import Publisher
    from headwater.server.service import Service

logger = paced_logger(__name__)

_SWEEP_INTERVAL_S = 1.0
_CERTIFICATE_INTERVAL_S = 5.0
_RANDOM = secrets.SystemRandom()


class Timekeeper:
    """Runs the server's periodic work on its loop until stopped."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._bit_rates = BitRates(service)
        self._memory_return = MemoryReturn(service)
        self._ssrc = secrets.randbits(32)
        self._cname = f"headwater-{secrets.token_hex(6)}"
        self._timer: Timer | None = None
        self._stood_still_s = 0.0
        self._waited = False
        # When each publisher's next report is due.
        self._reports_due_s: dict[str, float] = {}
        self._next_certificates_s = 0.0
        self._refusals_told = Counter[str]()
        self._overflows_told = 0

    def start(self) -> None:
        """Begin the periodic work, and say so where the certificate is not valid."""
        self._service.loop.start()
        self._schedule()
        if self._service.tls is not None:
            self._tell_dates(self._service.tls)

    def stop(self) -> None:
        """End; a second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._service.loop.stop()

    def _schedule(self) -> None:
        self._timer = self._service.loop.call_later(_SWEEP_INTERVAL_S, self._tick)

    def _tick(self) -> None:
        self._schedule()
        service = self._service
        now = service.clock()
        stood_still_s, self._stood_still_s = self._stood_still_s, service.loop.stood_still_s
        if stood_still_s != self._stood_still_s and not self._waited:
            # What peers sent meanwhile is read first: nobody is judged before the next tick.
            self._waited = True
            return
        self._waited = False
        periodic: tuple[Callable[[float], None], ...] = (
            self._enforce_deadlines,
            self._bit_rates.check,
            self._tell_full_queues,
            self._tell_full_caches,
            service.sessions.sweep,
            service.mounts.check,
            self._send_reports,
            self._make_reports,
            self._watch_certificates,
            self._memory_return.check,
        )
        for work in periodic:
            try:
                work(now)
            except Exception:
                # One broken mount or session must not end everybody's time-outs.
                logger.exception("periodic work failed")

    def _enforce_deadlines(self, now: float) -> None:
        enforce_deadlines(self._service, now)

    def _tell_full_queues(self, _now: float) -> None:
        service = self._service
        for setting, budget in (
            ("limits.reader_queue_bytes_total", service.queue_budget),
            ("limits.answer_queue_bytes_total", service.answer_budget),
        ):
            if budget.refusals != self._refusals_told[setting]:
                self._refusals_told[setting] = budget.refusals
                cause = f"queues held {budget.most_bytes} bytes, the most that is allowed"
                service.note_limit(setting, "", cause)

    def _tell_full_caches(self, _now: float) -> None:
        budget = self._service.mounts.cache_budget
        if budget.overflows != self._overflows_told:
            self._overflows_told = budget.overflows
            cause = f"the caches of all mounts held {budget.most_bytes} bytes; the largest gave way"
            self._service.note_limit("limits.gop_cache_bytes_total", "", cause)

    def _watch_certificates(self, now: float) -> None:
        tls = self._service.tls
        if tls is None or now < self._next_certificates_s:
            return
        self._next_certificates_s = now + _CERTIFICATE_INTERVAL_S
        if tls.is_due():
            self.reload_certificates()

    def reload_certificates(self) -> None:
        """Read the TLS files again, where there are any, and log the outcome."""
        tls = self._service.tls
        if tls is None:
            return
        try:
            tls.reload()
        except TlsFilesError as error:
            logger.error("certificate not reloaded, the old one stays", extra={"cause": str(error)})
            return
        logger.info("certificate reloaded", extra={"cause": "read again"})
        self._tell_dates(tls)

    def _tell_dates(self, tls: ServerTls) -> None:
        if complaint := tls.complaint():
            extra = {"cause": f"{complaint}; peers refuse it: install a valid one"}
            logger.warning("certificate not valid", extra=extra)

    def _make_reports(self, now: float) -> None:
        ntp = ntp_time(time.time())
        for mount in self._service.mounts:
            mount.make_reports(now, ntp, self._cname)

    def _send_reports(self, now: float) -> None:
        interval_s = self._service.settings.rtp.receiver_report_interval_s
        due_s: dict[str, float] = {}
        for mount in self._service.mounts:
            publisher = mount.publisher
            if publisher is None:
                continue
            # RFC 3550 §6.2: hundreds of publishers that came together are not answered together.
            when_s = self._reports_due_s.get(publisher.id)
            if when_s is None:
                when_s = now + interval_s * _RANDOM.random()
            due_s[publisher.id] = when_s
            if now < when_s:
                continue
            due_s[publisher.id] = now + interval_s
            try:
                self._send_reports_of(mount, publisher, now)
            except Exception:
                logger.exception(
                    "receiver report failed",
                    extra={"mount": mount.path, "session": publisher.id, "peer": publisher.peer},
                )
        self._reports_due_s = due_s

    def _send_reports_of(self, mount: Mount, publisher: Publisher, now: float) -> None:
        for track in mount.tracks:
            report = track.receiver_report(self._ssrc, now, self._cname)
            if report is not None:
                publisher.send_rtcp(track.index, report)
