"""What the server counted since it started: plain integers that anybody may read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace


@dataclass(slots=True)
class ServerCounters:
    """Counts of connections, requests, sessions and refusals since the start.

    The bytes are those of connections that are closed; open ones count their own.
    """

    connections_opened: int = 0
    connection_failures: int = 0
    requests: int = 0
    requests_delayed: int = 0
    request_failures: int = 0
    sessions_opened: int = 0
    unknown_channel_frames: int = 0
    tcp_bytes_received: int = 0
    tcp_bytes_sent: int = 0
    sessions_closed_by_cause: Counter[str] = field(default_factory=Counter)
    connections_closed_by_cause: Counter[str] = field(default_factory=Counter)
    refused_by_limit: Counter[str] = field(default_factory=Counter)
    answers_by_status: Counter[int] = field(default_factory=Counter)

    def copy(self) -> ServerCounters:
        """Return the counts as they are now, which change no more."""
        copied = replace(self)
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, Counter):
                setattr(copied, spec.name, Counter(value))
        return copied

    def count_answer(self, status: int) -> None:
        """Count one answered request."""
        self.requests += 1
        self.answers_by_status[int(status)] += 1
