"""What a camera asks of those who want to look, and whom it lets in."""

from __future__ import annotations

import hashlib
import re

import pytest
from camera_talk import CameraTalk
from ffmpeg_player import numbers_seen
from rtsp_peer import Answer

from headwater.testing.fake_camera import AsyncFakeCamera
from headwater.testing.fake_camera.quirks import QUIRKS
from headwater.testing.fake_camera.quirks.describing import PASSWORD, USER

LOGIN = "//admin:p%3Aa%40s%2Fs%2520w@"

CHALLENGES = {
    "basic-only": [r'Basic realm="camera"'],
    "digest-without-qop": [r'Digest realm="camera", nonce="\w+"'],
    "digest-md5-sess": [r'Digest .*nonce="\w+", opaque="5ccc069c", qop="auth", algorithm=MD5-sess'],
    "digest-sha256": [r'Digest .*qop="auth", algorithm=SHA-256'],
    "unknown-algorithm-first": ["Digest .*algorithm=SHA-3", "Digest .*algorithm=MD5"],
    "basic-before-digest": ["Basic .*", "Digest .*algorithm=MD5"],
    "challenges-in-one-line": ["Digest .*algorithm=MD5, Basic realm=.*"],
    "stale-nonces": ["Digest .*algorithm=MD5"],
    "nonce-of-the-connection": ["Digest .*algorithm=MD5"],
    "credentials-for-options": ["Digest .*algorithm=MD5"],
}

NOT_BY_FFMPEG = {"digest-sha256", "digest-md5-sess", "unknown-algorithm-first"}


def digest(answer: Answer, method: str, uri: str, password: str = PASSWORD) -> str:
    """Credentials for the challenge of an answer, by RFC 2069 (no qop)."""
    found = re.search(r'nonce="(\w+)"', answer.headers["www-authenticate"][0])
    assert found is not None
    nonce = found.group(1)
    first, second = (
        hashlib.md5(text.encode()).hexdigest()
        for text in (f"{USER}:camera:{password}", f"{method}:{uri}")
    )
    response = hashlib.md5(f"{first}:{nonce}:{second}".encode()).hexdigest()
    return (
        f'Digest username="{USER}", realm="camera", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5'
    )


def test_every_quirk_of_credentials_has_its_proof() -> None:
    assert set(CHALLENGES) == {n for n, quirk in QUIRKS.items() if "credentials" in quirk.settings}


@pytest.mark.parametrize("name", CHALLENGES)
async def test_what_is_asked_for(name: str) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        refused = await talk.ask("DESCRIBE")
        assert refused.status == 401
        asked = refused.headers["www-authenticate"]
        assert len(asked) == len(CHALLENGES[name])
        for pattern, value in zip(CHALLENGES[name], asked, strict=True):
            assert re.fullmatch(pattern, value), value
        options = (await talk.ask("OPTIONS")).status
        assert options == (401 if name == "credentials-for-options" else 200)


@pytest.mark.parametrize(
    "name",
    sorted(set(CHALLENGES) - {"digest-sha256", "digest-md5-sess", "unknown-algorithm-first"}),
)
async def test_ffmpeg_is_let_in(name: str) -> None:
    async with AsyncFakeCamera(name) as camera:
        url = camera.url.replace("//", LOGIN)
        assert await numbers_seen(url, "-rtsp_transport", "tcp", count=2) == [0, 1]


async def test_wrong_credentials_stay_outside() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("stale-nonces")) as talk:
        refused = await talk.ask("DESCRIBE")
        wrong = digest(refused, "DESCRIBE", talk.camera.url, "guess")
        answer = await talk.ask("DESCRIBE", Authorization=wrong)
        assert answer.status == 401
        assert "stale" not in answer.headers["www-authenticate"][0]


async def test_a_nonce_grows_stale() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("stale-nonces")) as talk:
        refused = await talk.ask("DESCRIBE")
        right = digest(refused, "DESCRIBE", talk.camera.url)
        answers = [await talk.ask("DESCRIBE", Authorization=right) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 401]
        assert answers[-1].headers["www-authenticate"][0].endswith("stale=true")


async def test_a_nonce_is_of_its_connection() -> None:
    async with AsyncFakeCamera("nonce-of-the-connection") as camera:
        statuses = []
        right = ""
        for _ in range(2):
            async with CameraTalk.to(camera) as talk:
                if not right:
                    right = digest(await talk.ask("DESCRIBE"), "DESCRIBE", camera.url)
                statuses.append((await talk.ask("DESCRIBE", Authorization=right)).status)
    assert statuses == [200, 401]


async def test_a_camera_without_credentials_asks_for_none() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        assert (await talk.ask("DESCRIBE")).status == 200
