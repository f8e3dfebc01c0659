"""What access says to any credentials."""

from __future__ import annotations

import asyncio

from fuzz.quiet_log import be_quiet
from fuzz.target import Target, fields, text_of
from headwater.access.authenticator import Authenticator
from headwater.access.decision import Action, Challenge, Forbidden, Granted
from headwater.access.settings import AccessSettings, UserSettings
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authorization import BasicCredentials, parse_authorization
from headwater.protocol.headers import Headers

PASSWORD = "correct horse"
_SETTINGS = AccessSettings(
    users=(UserSettings(name="ann", password=PASSWORD, read=("/a/*",)),),
    anonymous_read=("/open",),
    address_failure_limit=0,
    user_failure_limit=0,
)
_AUTHENTICATOR = Authenticator(_SETTINGS)
# A Basic header holds the password; what is logged must not, not even when it was right.
be_quiet(PASSWORD)
_LOOP = asyncio.new_event_loop()
PATHS = ("/open", "/a/b", "/c")


def run(data: bytes) -> None:
    raw, uri, choice = map(text_of, fields(data, 3))
    path = PATHS[len(choice) % len(PATHS)]
    decision = _LOOP.run_until_complete(
        _AUTHENTICATOR.check(
            method="DESCRIBE",
            uri=uri,
            authorization=raw or None,
            action=Action.PLAY,
            path=path,
            now=float(len(data)),
            peer="192.0.2.1",
            port=4711,
        )
    )
    knows = _shows(raw)
    match decision:
        case Granted(username):
            assert (path == "/open" and username is None) or knows, decision
        case Challenge(headers):
            for value in headers:
                assert Headers([("WWW-Authenticate", value)]).get("WWW-Authenticate") == value
                assert PASSWORD not in value
        case Forbidden():
            assert knows
        case _:
            raise AssertionError(decision)


def _shows(raw: str) -> bool:
    """Whether the text is the user's name and password. No fuzzer guesses a digest."""
    try:
        return parse_authorization(raw) == BasicCredentials("ann", PASSWORD)
    except ProtocolError:
        return False


TARGET = Target(
    invariant="nobody gets in without the password, whatever is shown; every other text is a "
    "challenge",
    run=run,
    words=(
        b"Basic ",
        b"Digest ",
        b"YW5uOmNvcnJlY3QgaG9yc2U=",
        b"YW5uOg==",
        b'username="ann",realm="headwater",',
        b'nonce="x",uri="rtsp://h/a/b",response="0"',
        b"\0",
        b"rtsp://h/a/b",
        b"algorithm=SHA-256,",
        b"qop=auth,",
    ),
    max_bytes=300,
)
