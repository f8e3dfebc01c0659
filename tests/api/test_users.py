"""Who may what, told to those who control the server; no password, no token is among it."""

from __future__ import annotations

from dataclasses import replace

from api_peer import ask, bearer, listed
from http_peer import basic
from web_rig import WebFactory

from headwater import AccessSettings, UserSettings
from headwater.api.settings import ApiSettings, TokenSettings

TOKEN = "a-token-that-nobody-guesses"
ACCESS = AccessSettings(
    users=(
        UserSettings(name="root", password="hidden", look=("**",), control=("**",)),
        UserSettings(name="ann", password="hidden", publish=("cams/*",), read=("**",)),
    ),
    anonymous_read=("lobby",),
)
API = ApiSettings(tokens=(TokenSettings(name="scraper", token=TOKEN, look=("**",)),))


async def test_rights_of_all_are_told_without_secrets(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": ACCESS, "api": API})
    answer = await ask(web, "/v1/users", headers=basic("root", "hidden"))
    assert answer.status == 200
    assert b"hidden" not in answer.body
    assert TOKEN.encode() not in answer.body
    anybody, scraper, ann, root = answer.problem["items"]
    assert (anybody["kind"], anybody["read"], anybody["publish"]) == ("anybody", ["lobby"], [])
    assert (scraper["kind"], scraper["name"], scraper["look"]) == ("token", "scraper", ["**"])
    assert (ann["name"], ann["publish"], ann["control"]) == ("ann", ["cams/*"], [])
    assert (root["name"], root["control"]) == ("root", ["**"])


async def test_pages_of_them(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": ACCESS, "api": API})
    headers = basic("root", "hidden")
    first = (await ask(web, "/v1/users?limit=3", headers=headers)).problem
    assert (first["total"], first["next"]) == (4, "user ann")
    rest = await listed(web, "/v1/users?after=user%20ann", headers=headers)
    assert [each["name"] for each in rest] == ["root"]


async def test_only_those_who_control_the_server_learn_it(start_web: WebFactory) -> None:
    web = await start_web(settings={"access": ACCESS, "api": API})
    for headers in (bearer(TOKEN), basic("ann", "hidden")):
        assert (await ask(web, "/v1/users", headers=headers)).status == 403
    assert (await ask(web, "/v1/users")).status == 401
    fewer = replace(ACCESS, users=ACCESS.users[:1])
    await web.server.apply(replace(web.server.settings, access=fewer))
    told = await listed(web, "/v1/users", headers=basic("root", "hidden"))
    assert "ann" not in {each["name"] for each in told}
