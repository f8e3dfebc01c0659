"""The cameras of a soak die in every way that they know, and their readers stay."""

from __future__ import annotations

import pytest
from inside import inside
from server_rig import ServerFactory
from soak.dying_cameras import DyingCameras
from soak.settings import settings_of
from waiting import holds

from soak import dying_cameras


async def test_readers_stay_through_every_death(
    start_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dying_cameras, "_LONGEST_DEATH_S", 0.2)
    unrest = DyingCameras(3, seed=1)
    settings = settings_of(await unrest.settings())
    server = await start_server(settings=settings)
    sources = inside(server).running.sources

    def all_live() -> bool:
        named = [source for source in sources if source.path.startswith("/cam/")]
        return len(named) == 3 and all(source.live is source.candidates[0] for source in named)

    await unrest.begin(server.play_port)
    for _, die in unrest._deaths:
        for camera in unrest._cameras:
            await die(camera)
    await unrest.calm()
    # Also the first choice of the one that has a fallback, once it has run for ten seconds.
    await holds(all_live, within_s=60)
    tries = sum(candidate.tries for source in sources for candidate in source.candidates)
    before_the_stop = dict(unrest.failures)
    await unrest.end()
    await server.stop()
    assert tries > 3
    assert before_the_stop == {}
