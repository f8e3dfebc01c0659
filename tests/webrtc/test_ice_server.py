"""STUN and TURN servers that browsers are told of: what can be written, and how it is told."""

from __future__ import annotations

import pytest
from films import film
from http_peer import fetch
from published_film import PublishedFilm
from web_rig import WebFactory
from webrtc_peer import offer, post

from headwater.webrtc.ice_server import IceServer
from headwater.webrtc.settings import WebRtcSettings

STUN = "stun:stun.example.org:3478"
TURN = 'turn:ann:a%40b"c@turn.example.org:5349?transport=tcp'


@pytest.mark.parametrize(
    ("text", "server"),
    [
        (STUN, IceServer(STUN)),
        ("stuns:[2001:db8::1]:5349", IceServer("stuns:[2001:db8::1]:5349")),
        (TURN, IceServer("turn:turn.example.org:5349?transport=tcp", "ann", 'a@b"c')),
    ],
)
def test_what_is_written(text: str, server: IceServer) -> None:
    assert IceServer.parse(text) == server


@pytest.mark.parametrize(
    "text",
    ["", "example.org", "stun:", "http://example.org", "turn:turn.example.org", "stun:a:b@c",
     "turn:a:b@c\r\nX: y", "stun:c?transport=sctp"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|needs"):
        IceServer.parse(text)
    with pytest.raises(ValueError, match="ice_servers has one that cannot be read"):
        WebRtcSettings(ice_servers=(text,))


async def test_answers_and_the_page_name_them(start_web: WebFactory) -> None:
    web = await start_web(settings={"webrtc": WebRtcSettings(port=0, ice_servers=(STUN, TURN))})
    links = [
        f'<{STUN}>; rel="ice-server"',
        (
            '<turn:turn.example.org:5349?transport=tcp>; rel="ice-server"; username="ann"; '
            'credential="a@b\\"c"; credential-type="password"'
        ),
    ]
    answer = await post(web.port, "/live/whip", offer(direction="sendonly"))
    assert [value for name, value in answer.headers if name.lower() == "link"] == links
    PublishedFilm(web.server, film("h264").rtp).show(3)
    answer = await post(web.port, "/front/whep", offer())
    assert [value for name, value in answer.headers if name.lower() == "link"] == links
    told = (await fetch(web.port, "/front/about")).problem["ice_servers"]
    assert told == [
        {"urls": STUN},
        {
            "urls": "turn:turn.example.org:5349?transport=tcp",
            "username": "ann",
            "credential": 'a@b"c',
        },
    ]


async def test_without_the_setting_there_is_none(start_web: WebFactory) -> None:
    web = await start_web()
    answer = await post(web.port, "/live/whip", offer(direction="sendonly"))
    assert answer.header("link") is None
