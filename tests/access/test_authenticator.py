"""From `Authorization` to a decision."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from logged import events

from headwater.access import (
    AccessSettings,
    Action,
    Authenticator,
    AuthMethod,
    Challenge,
    Decision,
    Forbidden,
    Granted,
    PasswordForm,
    Throttled,
    UserSettings,
    hash_password,
)
from headwater.access.outside_settings import JwtSettings
from headwater.access.places import Places
from headwater.access.slow_check import TooManyWaitingError
from headwater.protocol.digest import answer_challenge, digest_response
from headwater.protocol.header.authenticate import DigestChallenge, parse_challenges
from headwater.protocol.header.authorization import DigestCredentials, format_authorization

URI = "rtsp://192.0.2.1:8554/cam"
PEER, PORT = "192.0.2.7", 4711
PLACES = Places(8, wait_s=10.0)
USERS = (
    UserSettings(name="cam", password="hunter2", publish=("/cam/**", "/cam")),
    UserSettings(name="viewer", password="letmein", read=("**",)),
)


class _Sleeper:
    """Sleeps no time, and keeps how long it was asked to."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.gate is not None:
            await self.gate.wait()


class _Door:
    """An authenticator with its settings, and the request that is made of it."""

    def __init__(self, **settings: Any) -> None:
        self.sleeper = _Sleeper()
        self.authenticator = Authenticator(
            AccessSettings(**({"users": USERS} | settings)), sleep=self.sleeper
        )

    async def ask(self, authorization: str | None = None, **changes: Any) -> Decision:
        values: dict[str, Any] = {
            "method": "DESCRIBE",
            "uri": URI,
            "authorization": authorization,
            "action": Action.PLAY,
            "path": "/cam",
            "now": 1000.0,
            "peer": PEER,
            "port": PORT,
        }
        return await self.authenticator.check(**(values | changes))

    async def challenge(self, **changes: Any) -> list[DigestChallenge]:
        decision = await self.ask(**changes)
        assert isinstance(decision, Challenge)
        found = parse_challenges(decision.headers)
        return [c for c in found if isinstance(c, DigestChallenge)]


@pytest.fixture
async def door() -> AsyncIterator[_Door]:
    door = _Door()
    yield door
    await door.authenticator.aclose()


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _digest(
    challenge: DigestChallenge, username: str = "viewer", password: str = "letmein", **changes: Any
) -> str:
    values = {"method": "DESCRIBE", "uri": URI, "cnonce": "c"} | changes
    return format_authorization(
        answer_challenge(challenge, username=username, password=password, **values)
    )


async def test_without_users_everybody_may() -> None:
    door = _Door(users=())
    assert await door.ask() == Granted(None)
    assert await door.ask(action=Action.PUBLISH) == Granted(None)
    assert await door.ask(_basic("any", "body")) == Granted(None)


async def test_a_token_that_ffmpeg_has_cut_off_is_told_how_to_come_whole() -> None:
    door = _Door(users=(), jwt=JwtSettings(secret_file="secret"))
    whole = _basic("x", "eyJ" + "a" * 300)
    cut = _basic("x", ("eyJ" + "a" * 300)[:125])
    for authorization, is_cut in ((whole, False), (cut, True)):
        decision = await door.ask(authorization)
        assert isinstance(decision, Challenge)
        assert "a token was expected" in decision.complaint
        assert ("show it as ?token=" in decision.complaint) is is_cut


async def test_anonymous_rights_without_users() -> None:
    door = _Door(users=(), anonymous_publish=("/public/*",))
    assert await door.ask(action=Action.PUBLISH, path="/public/a") == Granted(None)
    assert await door.ask(action=Action.PUBLISH, path="/a") == Forbidden("anonymous")
    assert door.authenticator.counters.forbidden == 1


async def test_anonymous_rights_beside_users() -> None:
    door = _Door(anonymous_read=("/public/*",))
    assert await door.ask(path="/public/a") == Granted(None)
    assert await door.ask("Bearer abc", path="/public/a") == Granted(None)
    assert await door.ask(_basic("cam", "hunter2"), path="/public/a") == Granted("cam")
    # Recorders send empty or old credentials with every request: what needs none is granted, and
    # is no guess that would count.
    for _ in range(100):
        for shown in (_basic("cam", "wrong"), _basic("nobody", "x"), _basic("", "")):
            assert await door.ask(shown, path="/public/a") == Granted(None)
    assert door.authenticator.counters.refused == 0
    assert await door.ask(_basic("cam", "hunter2"), path="/public/a") == Granted("cam")
    assert isinstance(await door.ask(path="/a"), Challenge)
    assert isinstance(await door.ask(path="/public/a", action=Action.PUBLISH), Challenge)


async def test_first_answer_offers_every_challenge_md5_first(door: _Door) -> None:
    decision = await door.ask()
    assert isinstance(decision, Challenge)
    assert not decision.refused
    first, second = decision.headers
    assert first.startswith('Digest realm="headwater", nonce="')
    assert "algorithm" not in first
    assert "qop" not in first
    assert second.startswith('Basic realm="headwater", Digest realm="headwater", nonce="')
    md5, sha256 = await door.challenge()
    assert (md5.algorithm, sha256.algorithm) == (None, "SHA-256")
    assert sha256.qop == ("auth",)
    assert md5.nonce == sha256.nonce
    assert not md5.stale


@pytest.mark.parametrize("number", [0, 1])
async def test_digest(door: _Door, number: int) -> None:
    challenge = (await door.challenge())[number]
    assert await door.ask(_digest(challenge)) == Granted("viewer")
    # As live555 and GStreamer do, with one nonce and one count for all requests.
    again = _digest(challenge, method="SETUP", uri=URI + "/trackID=0")
    for _ in range(2):
        granted = await door.ask(again, method="SETUP", uri=URI + "/trackID=0")
        assert granted == Granted("viewer")
    assert door.authenticator.counters.granted == 3


async def test_digest_over_vlcs_uri(door: _Door) -> None:
    challenge, _ = await door.challenge()
    answer = _digest(challenge, method="SETUP", uri=URI + "/")
    assert await door.ask(answer, method="SETUP", uri=URI + "/trackID=0") == Granted("viewer")


async def test_md5_with_the_parameters_of_the_sha256_challenge(door: _Door) -> None:
    _, sha256 = await door.challenge()
    mixed = replace(sha256, algorithm=None, qop=())
    assert await door.ask(_digest(mixed)) == Granted("viewer")


@pytest.mark.parametrize(
    ("username", "password"),
    [("viewer", "wrong"), ("viewer", ""), ("nobody", "letmein"), ("", ""), ("VIEWER", "letmein")],
)
async def test_wrong_credentials_are_challenged_again(
    door: _Door, username: str, password: str
) -> None:
    challenge, _ = await door.challenge()
    for answer in (_digest(challenge, username, password), _basic(username, password)):
        decision = await door.ask(answer)
        assert isinstance(decision, Challenge)
        assert decision.refused
        assert "stale" not in str(decision.headers)
        assert len(decision.headers) == 2
    assert door.authenticator.counters.refused == 2


async def test_expired_and_foreign_nonces_are_stale_when_the_rest_is_right(door: _Door) -> None:
    challenge, _ = await door.challenge()
    expired = await door.ask(_digest(challenge), now=1301.0)
    foreign = await door.ask(_digest(replace(challenge, nonce="00")))
    elsewhere = await door.ask(_digest(challenge), peer="192.0.2.8")
    for decision in (expired, foreign, elsewhere):
        assert isinstance(decision, Challenge)
        assert not decision.refused
        for offered in parse_challenges(decision.headers):
            assert not isinstance(offered, DigestChallenge) or offered.stale
        # live555 reads stale right behind the nonce only.
        assert '", stale=true' in decision.headers[0]
    wrong = await door.ask(_digest(challenge, password="wrong"), now=1301.0)
    assert isinstance(wrong, Challenge)
    assert "stale" not in str(wrong.headers)


@pytest.mark.parametrize(
    ("change", "refused", "complaint"),
    [
        ({"realm": "other"}, False, "another realm"),
        ({"algorithm": "SHA-512-256"}, False, "a digest of another algorithm"),
        ({"uri": "rtsp://192.0.2.1:8554/other"}, True, "another URL"),
    ],
)
async def test_digests_beside_the_question_are_no_guesses(
    door: _Door,
    change: dict[str, str],
    refused: bool,
    complaint: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = DigestCredentials("viewer", "headwater", "n", URI, "0" * 32)
    decision = await door.ask(format_authorization(replace(given, **change)))
    assert isinstance(decision, Challenge)
    assert decision.refused is refused
    assert complaint in decision.complaint
    assert not caplog.records


async def test_replay_for_another_method_or_uri_is_refused(door: _Door) -> None:
    challenge, _ = await door.challenge()
    answer = _digest(challenge)
    for changes in ({"method": "SETUP"}, {"uri": "rtsp://192.0.2.1:8554/other"}):
        decision = await door.ask(answer, **changes)
        assert isinstance(decision, Challenge)
        assert decision.refused


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic *", "Digest", "Digest x", "Bearer abc", "Digest a=b"]
)
async def test_unreadable_credentials_are_challenged(door: _Door, authorization: str) -> None:
    decision = await door.ask(authorization)
    assert isinstance(decision, Challenge)
    assert decision.refused
    assert decision.complaint.endswith("offered: digest-md5, digest-sha256, basic")


async def test_methods_not_offered_are_not_accepted() -> None:
    digest_only = _Door(methods=(AuthMethod.DIGEST_SHA256,))
    basic = await digest_only.ask(_basic("viewer", "letmein"))
    assert isinstance(basic, Challenge)
    assert not basic.refused
    assert basic.complaint.startswith("they are basic; offered: digest-sha256; offer digest-md5")
    (challenge,) = await digest_only.challenge()
    as_md5 = await digest_only.ask(_digest(replace(challenge, algorithm=None)))
    assert isinstance(as_md5, Challenge)
    assert as_md5.complaint.startswith("they are digest-md5; offered: digest-sha256; offer digest-")
    assert await digest_only.ask(_digest(challenge)) == Granted("viewer")


async def test_rights_by_path_and_action(door: _Door) -> None:
    camera, viewer = _basic("cam", "hunter2"), _basic("viewer", "letmein")
    publish = {"action": Action.PUBLISH, "method": "ANNOUNCE"}
    assert await door.ask(camera, **publish) == Granted("cam")
    assert await door.ask(camera, **publish, path="/cam/sub") == Granted("cam")
    assert await door.ask(camera, **publish, path="/other") == Forbidden("cam")
    assert await door.ask(camera) == Forbidden("cam")
    assert await door.ask(viewer, path="/other") == Granted("viewer")
    assert await door.ask(viewer, **publish) == Forbidden("viewer")


def _kept(form: PasswordForm) -> UserSettings:
    password = hash_password("letmein", form=form, username="viewer")
    return UserSettings(name="viewer", password=password, read=("**",))


@pytest.mark.parametrize("form", [PasswordForm.SCRYPT, PasswordForm.PBKDF2_SHA256])
async def test_slow_passwords_by_basic(form: PasswordForm) -> None:
    door = _Door(users=(_kept(form),))
    first = await door.ask()
    assert first == Challenge(('Basic realm="headwater"',))
    assert await door.ask(_basic("viewer", "letmein")) == Granted("viewer")
    assert await door.ask(_basic("viewer", "letmein")) == Granted("viewer")
    for pair in (("viewer", "wrong"), ("nobody", "letmein")):
        decision = await door.ask(_basic(*pair))
        assert isinstance(decision, Challenge)
        assert decision.refused
    await door.authenticator.aclose()


async def test_unknown_user_costs_a_slow_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    door = _Door(users=(_kept(PasswordForm.SCRYPT),))
    asked: list[str] = []

    async def verify(kept: object, username: str, *_: object, **__: object) -> bool:
        asked.append(username)
        return True

    monkeypatch.setattr(door.authenticator._slow_check, "verify", verify)
    decision = await door.ask(_basic("nobody", "x"))
    assert isinstance(decision, Challenge)
    assert asked == ["nobody"]


async def test_too_many_slow_checks_are_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    door = _Door(users=(_kept(PasswordForm.SCRYPT),))

    async def verify(*_: object, **__: object) -> bool:
        raise TooManyWaitingError

    monkeypatch.setattr(door.authenticator._slow_check, "verify", verify)
    decision = await door.ask(_basic("viewer", "letmein"))
    assert decision == Throttled(1, "too many credentials are being checked")
    assert door.authenticator.counters.throttled == 1


@pytest.mark.parametrize(
    ("form", "algorithm"), [(PasswordForm.HA1_MD5, None), (PasswordForm.HA1_SHA256, "SHA-256")]
)
async def test_ha1_passwords_by_digest_and_basic(form: PasswordForm, algorithm: str | None) -> None:
    door = _Door(users=(_kept(form),))
    (challenge,) = await door.challenge()
    assert challenge.algorithm == algorithm
    assert await door.ask(_digest(challenge)) == Granted("viewer")
    assert await door.ask(_basic("viewer", "letmein")) == Granted("viewer")
    wrong = await door.ask(_digest(challenge, password="wrong"))
    assert isinstance(wrong, Challenge)
    unknown = await door.ask(_digest(challenge, username="nobody"))
    assert isinstance(unknown, Challenge)


async def test_guessing_is_stopped_for_the_address_alone(caplog: pytest.LogCaptureFixture) -> None:
    door = _Door(address_failure_limit=3, address_pause_s=30.0)
    for _ in range(3):
        await door.ask(_basic("viewer", "wrong"))
    assert await door.ask(_basic("viewer", "letmein")) == Throttled(30)
    assert await door.ask(_basic("viewer", "letmein"), now=1029.5) == Throttled(1)
    assert isinstance(await door.ask(), Challenge)
    assert await door.ask(_basic("viewer", "letmein"), peer="192.0.2.8") == Granted("viewer")
    assert await door.ask(_basic("viewer", "letmein"), now=1030.0) == Granted("viewer")
    assert events(caplog.records) == ["wrong credentials"] * 3 + ["address paused"]
    *failures, pause = (r.__dict__["peer"] for r in caplog.records)
    assert set(failures) == {f"{PEER}:{PORT}"}
    assert pause == PEER
    assert {r.__dict__["user"] for r in caplog.records} == {"viewer"}


async def test_user_under_attack_waits_at_new_addresses() -> None:
    door = _Door(user_failure_limit=3, user_delay_s=2.0)
    right = _basic("viewer", "letmein")
    assert await door.ask(right, peer="home") == Granted("viewer")
    for number in range(3):
        await door.ask(_basic("viewer", "wrong"), peer=f"198.51.100.{number}")
    assert await door.ask(right, peer="home") == Granted("viewer")
    assert door.sleeper.slept == []
    assert await door.ask(right, peer="elsewhere") == Granted("viewer")
    assert await door.ask(right, peer="elsewhere") == Granted("viewer")
    assert door.sleeper.slept == [2.0]


async def test_attempts_that_waited_meet_the_pause_of_their_address() -> None:
    door = _Door(user_failure_limit=1, address_failure_limit=2)
    await door.ask(_basic("viewer", "wrong"), peer="198.51.100.1")
    door.sleeper.gate = asyncio.Event()
    attempts = [asyncio.create_task(door.ask(_basic("viewer", f"guess {n}"))) for n in range(5)]
    while len(door.sleeper.slept) < 5:  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    door.sleeper.gate.set()
    decisions = await asyncio.gather(*attempts)
    assert [type(d) for d in decisions] == [Challenge, Challenge, Throttled, Throttled, Throttled]


@pytest.mark.parametrize("written", ["DOM\\user", "DOM\\\\user"])
async def test_a_backslash_in_a_name_is_read_as_clients_write_it(written: str) -> None:
    name = "DOM\\user"
    door = _Door(users=(UserSettings(name=name, password="pw", read=("**",)),))
    challenge, _ = await door.challenge()
    answer = _digest(challenge, username=name, password="pw")
    assert answer.count('username="DOM\\\\user"') == 1
    answer = answer.replace('username="DOM\\\\user"', f'username="{written}"')
    assert await door.ask(answer) == Granted(name)


async def test_a_wrong_password_behind_a_backslash_is_one_failure() -> None:
    name = "DOM\\user"
    door = _Door(
        users=(UserSettings(name=name, password="pw", read=("**",)),), address_failure_limit=2
    )
    challenge, _ = await door.challenge()
    wrong = _digest(challenge, username=name, password="x").replace("\\\\", "\\")
    assert isinstance(await door.ask(wrong), Challenge)
    right = _digest(challenge, username=name, password="pw").replace("\\\\", "\\")
    assert await door.ask(right) == Granted(name)


@pytest.mark.parametrize(
    ("kept", "meant", "encoding", "granted"),
    [
        ("grün", "grün", "utf-8", True),
        ("grün", "grün", "latin-1", True),
        ("grün", "grün", "cp437", False),
        # What Latin-1 cannot say is no question mark that could be guessed.
        ("€", "€", "utf-8", True),
        ("€", "?", "latin-1", False),
    ],
)
async def test_name_and_password_of_a_digest_may_be_latin_1(
    kept: str, meant: str, encoding: str, granted: bool
) -> None:
    door = _Door(users=(UserSettings(name="jürgen", password=kept, read=("**",)),))
    challenge, _ = await door.challenge()
    secret = hashlib.md5(f"jürgen:{challenge.realm}:{meant}".encode(encoding)).hexdigest()
    response = digest_response(secret, method="DESCRIBE", uri=URI, nonce=challenge.nonce)
    shown = DigestCredentials("jürgen", challenge.realm, challenge.nonce, URI, response)
    decision = await door.ask(format_authorization(shown))
    assert isinstance(decision, Granted) is granted
    assert door.authenticator.counters.refused == (0 if granted else 1)


async def test_empty_credentials_are_none_and_no_guess() -> None:
    door = _Door(address_failure_limit=1)
    for _ in range(5):
        assert isinstance(await door.ask(_basic("", "")), Challenge)
    assert await door.ask(_basic("viewer", "letmein")) == Granted("viewer")


async def test_first_requests_and_stale_ones_are_not_counted_as_guesses() -> None:
    door = _Door(address_failure_limit=1)
    for _ in range(5):
        challenge, _ = await door.challenge()
        await door.ask(_digest(challenge), now=5000.0)
        await door.ask("Bearer abc")
    assert await door.ask(_basic("viewer", "letmein")) == Granted("viewer")


async def test_owners_function_decides() -> None:
    door = _Door(users=(), address_failure_limit=2)
    asked: list[tuple[str, str]] = []

    async def verify(username: str, password: str) -> bool:
        asked.append((username, password))
        return (username, password) == ("test", "test")

    async def ask(authorization: str | None) -> Decision:
        return await door.authenticator.check_by(
            verify, authorization=authorization, now=0.0, peer=PEER, port=PORT, places=PLACES
        )

    basic = ('Basic realm="headwater"',)
    assert await ask(None) == Challenge(basic)
    unreadable = await ask("Digest x")
    assert isinstance(unreadable, Challenge)
    assert (unreadable.headers, unreadable.refused) == (basic, False)
    assert "offered: basic" in unreadable.complaint
    assert await ask(_basic("test", "test")) == Granted("test")
    assert await ask(_basic("other", "wrong")) == Challenge(basic, refused=True)
    assert await ask(_basic("other", "wrong")) == Challenge(basic, refused=True)
    assert await ask(_basic("other", "wrong")) == Throttled(60)
    # The address knows this user.
    assert await ask(_basic("test", "test")) == Granted("test")
    assert asked[:3] == [("", ""), ("", ""), ("test", "test")]
    assert len(asked) == 6


async def test_owners_function_may_let_in_without_credentials() -> None:
    door = _Door(users=())

    async def verify(username: str, password: str) -> bool:
        return not username

    decision = await door.authenticator.check_by(
        verify, authorization=None, now=0.0, peer=PEER, port=PORT, places=PLACES
    )
    assert decision == Granted(None)


async def test_what_the_owners_function_raises_comes_through() -> None:
    async def verify(username: str, password: str) -> bool:
        raise LookupError

    check_by = _Door(users=()).authenticator.check_by
    with pytest.raises(LookupError):
        await check_by(
            verify, authorization=_basic("u", "p"), now=0.0, peer=PEER, port=PORT, places=PLACES
        )


async def test_credentials_reach_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    door = _Door(address_failure_limit=2)
    challenge, _ = await door.challenge()
    answers = [
        _basic("viewer", "s3cret"),
        _basic("s3cret", "typed into the wrong field"),
        _digest(challenge, password="s3cret"),
        _basic("viewer", "letmein"),
    ]
    shown = [repr(await door.ask(answer)) for answer in answers]
    shown += [caplog.handler.format(record) + repr(record.__dict__) for record in caplog.records]
    shown += [repr(door.authenticator), repr(door.authenticator.settings)]
    assert len(caplog.records) == 3
    for secret in ("s3cret", "letmein", "hunter2", *(a.split()[1] for a in answers)):
        assert not any(secret in text for text in shown)
