"""The last lines of the log by the API, for who controls the server alone."""

from __future__ import annotations

import pytest
from api_peer import ask, publish_many
from http_peer import basic
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, UserSettings
from headwater.log_pace import PACE


async def test_lines_go_on_from_a_number(web: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "headwater")
    publish_many(web, "/front")
    told = (await ask(web, "/v1/log")).problem
    assert any("mount=/front" in line["text"] for line in told["lines"])
    assert told["number"] == told["lines"][-1]["number"]
    later = (await ask(web, f"/v1/log?after={told['number']}")).problem
    assert all(line["number"] > told["number"] for line in later["lines"])


@pytest.mark.parametrize(("name", "status"), [("root", 200), ("looker", 403), ("part", 403)])
async def test_it_needs_control_of_the_server(
    start_web: WebFactory, name: str, status: int
) -> None:
    users = (
        UserSettings(name="root", password="secret", control=("**",)),
        UserSettings(name="looker", password="secret", look=("**",)),
        UserSettings(name="part", password="secret", look=("**",), control=("cams/*",)),
    )
    web = await start_web(settings={"access": AccessSettings(users=users)})
    assert (await ask(web, "/v1/log", headers=basic(name, "secret"))).status == status


async def test_a_server_that_stopped_hears_nothing(web: WebServer) -> None:
    before = len(PACE.listeners)
    await web.server.stop()
    assert len(PACE.listeners) == before - 1
