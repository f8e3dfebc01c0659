"""Pictures of mounts by the API: one decoder for all who ask, and words where there is none."""

from __future__ import annotations

import asyncio
import sys

import pytest
from api_peer import ask, publish_many
from decoder_processes import decoder_processes
from film_camera import PATH, film_camera
from http_peer import basic
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, UserSettings
from headwater.http.settings import DecodingPlace, HttpSettings
from headwater.libav.decoding import decoding
from headwater.libav.decoding.decoder import Decoder


async def test_many_who_ask_share_one_decoder(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Decoder] = []

    class Counted(Decoder):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type]
            opened.append(self)

    monkeypatch.setattr(decoding, "Decoder", Counted)
    film_camera(web.server).send(3)
    address = f"/v1/mounts{PATH}/snapshot.jpg?width=96&max_age_s=9"
    answers = await asyncio.gather(*(ask(web, address) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.header("content-type") for answer in answers} == {"image/jpeg"}
    assert all(answer.body.startswith(b"\xff\xd8") for answer in answers)
    assert len(opened) == 1


async def test_pictures_are_decoded_in_a_process_where_the_owner_wants_it(
    start_web: WebFactory,
) -> None:
    web = await start_web(http=HttpSettings(port=0, decode_in=DecodingPlace.PROCESS))
    film_camera(web.server).send(3)
    answer = await ask(web, f"/v1/mounts{PATH}/snapshot.jpg?width=96&max_age_s=60")
    assert (answer.status, answer.header("content-type")) == (200, "image/jpeg")
    assert len(decoder_processes()) == 1


async def test_who_may_play_may_see_a_picture(start_web: WebFactory) -> None:
    users = (
        UserSettings(name="ann", password="secret", read=("cam",)),
        UserSettings(name="root", password="secret", look=("**",), control=("**",)),
    )
    web = await start_web(settings={"access": AccessSettings(users=users)})
    film_camera(web.server).send(3)
    for name, status in (("ann", 200), ("root", 403)):
        address = f"/v1/mounts{PATH}/snapshot.jpg?max_age_s=9"
        assert (await ask(web, address, headers=basic(name, "secret"))).status == status


async def test_without_the_package_it_is_named(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_many(web, PATH)
    for name in [each for each in sys.modules if each.startswith("headwater.libav.decoding")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "av", None)
    answer = await ask(web, f"/v1/mounts{PATH}/snapshot.jpg")
    assert (answer.status, answer.problem["code"]) == (501, "not_installed")
    assert "pip install '.[media]'" in answer.problem["detail"]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/v1/mounts/nobody/snapshot.jpg", 404, "no_such_mount"),
        ("/v1/mounts/sound/snapshot.jpg", 406, "not_decodable"),
        ("/v1/mounts/sound/snapshot.jpg?quality=0", 400, "invalid"),
        ("/v1/mounts/sound%2Fsnapshot.jpg", 404, "not_found"),
    ],
)
async def test_no_picture(web: WebServer, address: str, status: int, code: str) -> None:
    publish_many(web, "/sound")
    answer = await ask(web, address)
    assert (answer.status, answer.problem["code"]) == (status, code)
