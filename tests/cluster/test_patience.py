"""How long a reader waits for a mount that is about to come."""

from __future__ import annotations

import pytest

from headwater.cluster import patience
from headwater.cluster.patience import Outlook, patiently
from headwater.media.mount import Mount
from headwater.relay.errors import SourceTooSlow


async def test_what_is_not_to_come_is_not_waited_for() -> None:
    looked: list[int] = []

    async def look(looks: int) -> Mount | Outlook | None:
        looked.append(looks)
        return Outlook.COMING if looks < 2 else None

    assert await patiently("/cam", look) is None
    assert looked == [0, 1, 2]


async def test_what_does_not_come_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)
    looked: list[int] = []

    async def look(looks: int) -> Mount | Outlook | None:
        looked.append(looks)
        return Outlook.COMING

    with pytest.raises(SourceTooSlow, match="/cam"):
        await patiently("/cam", look)
    assert looked == [0]
