"""What became of settings that were applied to a running server: typed, to print and to send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headwater.applies import When

_TAKEN = {
    When.NOW: "",
    When.NEXT_CONNECTION: "for new connections",
    When.NEXT_SESSION: "for new sessions",
    When.NEXT_MOUNT: "for mounts that open later",
    When.RESTART: "",
}
_NONE_SHOWN = "the settings are as they were"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """One key whose value is another than before.

    Attributes:
        key: dotted, as the file has it: `limits.sessions`, `paths."cam/*".grace_s`.
        before: the old value as the file writes it; secrets are never told.
        after: the new one.
        applies: from when on the server goes by it.
        reason: why it needs a restart, where it does; else empty.
    """

    key: str
    before: str
    after: str
    applies: When
    reason: str = ""

    def __str__(self) -> str:
        text = f"{self.key}: {self.before} → {self.after}"
        note = self.reason or _TAKEN[self.applies]
        return f"{text} ({note})" if note else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The outcome of `RtspServer.apply`.

    Attributes:
        changes: what is other than before, each with when it applies.
        needs_restart: what the running server cannot take: it stays as it was until a restart.
        changed_mounts: paths of open mounts that go by other settings now.
        untouched_mounts: how many open mounts go by the same settings as before.
    """

    changes: tuple[SettingsChange, ...] = ()
    needs_restart: tuple[SettingsChange, ...] = ()
    changed_mounts: tuple[str, ...] = ()
    untouched_mounts: int = 0

    def lines(self) -> Iterator[str]:
        """Yield the outcome as lines for a person."""
        if not (self.changes or self.needs_restart):
            yield _NONE_SHOWN
            return
        if self.changes:
            yield f"changed: {len(self.changes)}"
            yield from (f"  {change}" for change in self.changes)
        if self.needs_restart:
            yield f"needs a restart, as before until then: {len(self.needs_restart)}"
            yield from (f"  {change}" for change in self.needs_restart)
        yield (
            f"open mounts: {len(self.changed_mounts)} go by other settings, "
            f"{self.untouched_mounts} were not touched"
        )
