"""The RTCP reports that the server itself sends: to publishers, and for those that send none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.publisher import Publisher
from headwater.media.tracks.rtcp_participant import RtcpParticipant
from headwater.protocol.rtcp_build import ntp_time

logger = paced_logger(__name__)

_RANDOM = secrets.SystemRandom()


class Reports:
    """Receiver reports to every publisher, sender reports to readers that would have none."""

    def __init__(
        self,
        mounts: Iterable[Mount],
        participant: RtcpParticipant,
        receiver_report_interval_s: float,
    ) -> None:
        self._mounts = mounts
        self.interval_s = receiver_report_interval_s
        self._own = participant
        # When each publisher's next report is due.
        self._due_s: dict[str, float] = {}

    def send_to_readers(self, now: float) -> None:
        """Make the sender reports that are due; called once a second."""
        ntp = ntp_time(time.time())
        for mount in self._mounts:
            mount.make_reports(now, ntp, self._own.cname)

    def send_to_publishers(self, now: float) -> None:
        """Send the receiver reports that are due; called once a second."""
        due_s: dict[str, float] = {}
        for mount in self._mounts:
            publisher = mount.publisher
            if publisher is None:
                continue
            # RFC 3550 §6.2: hundreds of publishers that came together are not answered together.
            when_s = self._due_s.get(publisher.id)
            if when_s is None:
                when_s = now + self.interval_s * _RANDOM.random()
            due_s[publisher.id] = when_s
            if now < when_s:
                continue
            due_s[publisher.id] = now + self.interval_s
            try:
                self._send(mount, publisher, now)
            except Exception:
                logger.exception(
                    "receiver report failed",
                    extra={"mount": mount.path, "session": publisher.id, "peer": publisher.peer},
                )
        self._due_s = due_s

    def _send(self, mount: Mount, publisher: Publisher, now: float) -> None:
        for track in mount.tracks:
            report = track.receiver_report(self._own.ssrc, now, self._own.cname)
            if report is not None:
                publisher.send_rtcp(track.index, report)
