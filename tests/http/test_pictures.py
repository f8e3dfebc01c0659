"""A picture as an answer: what cannot be had becomes a clear status, at every address the same."""

from __future__ import annotations

import pytest
from http_peer import fetch
from web_rig import WebServer

from headwater.http.pictures import PictureWishes, picture_of
from headwater.http.refusal import HttpRefusal


async def test_a_picture() -> None:
    seen: list[tuple[str, PictureWishes]] = []

    async def still(path: str, wishes: PictureWishes) -> bytes:
        seen.append((path, wishes))
        return b"\xff\xd8"

    response = await picture_of(still, "/cam", PictureWishes(width=96))
    assert (response.body, response.media_type) == (b"\xff\xd8", "image/jpeg")
    assert seen == [("/cam", PictureWishes(width=96))]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ImportError("frames need av"), 501, "not_installed"),
        (TimeoutError(), 504, "no_picture"),
        (LookupError("sound alone"), 406, "not_decodable"),
        (RuntimeError("stopped"), 503, "stopping"),
    ],
)
async def test_no_picture(error: Exception, status: int, code: str) -> None:
    async def still(_path: str, _wishes: PictureWishes) -> bytes:
        raise error

    with pytest.raises(HttpRefusal) as refused:
        await picture_of(still, "/cam", PictureWishes())
    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.detail


@pytest.mark.parametrize("address", ["/cam/snapshot.jpg", "/v1/mounts/cam/snapshot.jpg"])
async def test_both_addresses_show_the_same(web: WebServer, address: str) -> None:
    from film_camera import film_camera

    film_camera(web.server, path="/cam").send(3)
    answer = await fetch(web.port, address)
    assert (answer.status, answer.header("content-type")) == (200, "image/jpeg")
    assert answer.body.startswith(b"\xff\xd8")


async def test_key_frames_alone_are_decoded(web: WebServer) -> None:
    from film_camera import film_camera
    from inside import inside

    film_camera(web.server, path="/cam").send(8)
    address = "/v1/mounts/cam/snapshot.jpg?frames=key&max_age_s=30"
    assert (await fetch(web.port, address)).status == 200
    [decoding] = inside(web.server).running.decodings.running
    assert decoding._key_frames_only
