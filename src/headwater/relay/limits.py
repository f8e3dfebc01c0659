"""The limits on what peers may take, and the count of those who were over one."""

from __future__ import annotations

from headwater.log_pace import paced_logger
from headwater.relay.counters import ServerCounters
from headwater.relay.limit_settings import LimitSettings
from headwater.relay.shared_counts import NOTHING_ELSEWHERE, SharedCounts

logger = paced_logger(__name__)


class Limits:
    """Tells the owner which peer met which limit; whoever meets one is refused by its caller."""

    def __init__(self, settings: LimitSettings, counters: ServerCounters) -> None:
        self.settings = settings
        self.elsewhere: SharedCounts = NOTHING_ELSEWHERE
        """What other processes count that share the limits."""
        self._counters = counters

    def met(self, limit: str, peer: str) -> None:
        """Count and log a peer that met one of the limits, by the limit's name in `limits`."""
        most = getattr(self.settings, limit)
        self.note(f"limits.{limit}", peer, f"{most} is the most that is allowed")

    def note(self, setting: str, peer: str, cause: str) -> None:
        """Count and log a peer that was over a limit, naming the setting that would raise it."""
        refused = self._counters.refused_by_limit
        refused[setting] += 1
        logger.warning(
            "limit reached",
            extra={"setting": setting, "peer": peer, "refused": refused[setting], "cause": cause},
        )
