"""Who may: from a request's `Authorization` to a decision."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from headwater.access.auth_method import AuthMethod
from headwater.access.brake import Brake, Refuse, Wait
from headwater.access.decision import (
    Action,
    Challenge,
    Decision,
    Forbidden,
    Granted,
    Throttled,
)
from headwater.access.nonces import Nonces, NonceState
from headwater.access.quirks import header_lines, uri_accepted
from headwater.access.settings import AccessSettings
from headwater.access.slow_check import SlowPasswordCheck, TooManyWaitingError
from headwater.access.user_table import User, UserTable
from headwater.log_pace import paced_logger
from headwater.protocol.digest import DigestAlgorithm, algorithm_named, digest_matches
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authenticate import (
    BasicChallenge,
    DigestChallenge,
    format_challenge,
)
from headwater.protocol.header.authorization import (
    BasicCredentials,
    DigestCredentials,
    parse_authorization,
)

_log = paced_logger(__name__)

_METHOD_BY_ALGORITHM = {
    DigestAlgorithm.MD5: AuthMethod.DIGEST_MD5,
    DigestAlgorithm.SHA_256: AuthMethod.DIGEST_SHA256,
}
_MAX_DELAYED = 1000


@dataclass(slots=True)
class AccessCounters:
    """What became of requests that needed a right."""

    granted: int = 0
    challenged: int = 0
    refused: int = 0
    forbidden: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request with credentials: what it says, and who says it when."""

    method: str
    uri: str
    credentials: BasicCredentials | DigestCredentials
    now: float
    peer: str


class Authenticator:
    """Decides about requests, by the users of the settings or by a function of the owner's.

    `sleep` is how attempts wait when the brake says so; `asyncio.sleep` unless told otherwise.
    `counters` is for reading only.
    """

    def __init__(
        self,
        settings: AccessSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.counters = AccessCounters()
        self._sleep = sleep
        self._users = UserTable(settings)
        self._methods = settings.offered_methods()
        self._nonces = Nonces(settings.nonce_lifetime_s)
        self._slow_check = SlowPasswordCheck(settings.verified_lifetime_s)
        self._delayed = 0
        self._brake = Brake(
            window_s=settings.brake_window_s,
            address_limit=settings.address_failure_limit,
            pause_s=settings.address_pause_s,
            user_limit=settings.user_failure_limit,
            user_delay_s=settings.user_delay_s,
        )

    async def check(
        self,
        *,
        method: str,
        uri: str,
        authorization: str | None,
        action: Action,
        path: str,
        now: float,
        peer: str,
    ) -> Decision:
        """Decide by the users of the settings.

        `uri` is the request line's, `path` the mount's, `now` seconds of any monotonic clock,
        `peer` the client's address without port. Suspends only for a password whose hash is slow
        or for the brake's delay.
        """
        anonymous = self._users.anonymous_may(action, path)
        if not self._users:
            return self._counted(Granted(None) if anonymous else Forbidden("anonymous"))
        if authorization is None:
            headers = self.challenges(now, peer=peer)
            return self._counted(Granted(None) if anonymous else Challenge(headers))
        given = _understood(authorization)
        if given is None:
            headers = self.challenges(now, peer=peer)
            return self._counted(Granted(None) if anonymous else Challenge(headers, refused=True))
        attempt = _Attempt(method, uri, given, now, peer)
        decision = await self._braked(attempt, lambda: self._decide(attempt))
        if isinstance(decision, Granted) and not anonymous:
            user = self._users.find(decision.username or "")
            if not user.may(action, path):
                decision = Forbidden(user.name)
        return self._counted(decision)

    async def check_by(
        self,
        verify: Callable[[str, str], Awaitable[bool]],
        *,
        authorization: str | None,
        now: float,
        peer: str,
    ) -> Decision:
        """Decide by the owner's function, given user name and password of Basic credentials.

        Without such credentials it is given two empty strings. Never answers Forbidden. What
        `verify` raises comes through.
        """
        pair = credentials(authorization)
        if pair is None:
            granted = await verify("", "")
            return self._counted(Granted(None) if granted else Challenge(self.basic_challenges()))
        username, password = pair
        attempt = _Attempt("", "", BasicCredentials(username, password), now, peer)

        async def decide() -> Decision:
            if await verify(username, password):
                return Granted(username)
            self._count_failure(attempt, known_name=None)
            return Challenge(self.basic_challenges(), refused=True)

        return self._counted(await self._braked(attempt, decide))

    def challenges(self, now: float, *, peer: str, stale: bool = False) -> tuple[str, ...]:
        """`WWW-Authenticate` values of a 401 for the users of the settings."""
        realm = self.settings.realm
        # One nonce for both digests: players that mix the two challenges up (GStreamer takes the
        # parameters of the last one and computes MD5) then still answer one of them rightly.
        nonce = self._nonces.issue(now, peer)
        challenges: dict[AuthMethod, BasicChallenge | DigestChallenge] = {
            # In the form of RFC 2069, without qop, which every player can answer.
            AuthMethod.DIGEST_MD5: DigestChallenge(realm, nonce, stale=stale),
            # RFC 7616 §3.3: qop must be there.
            AuthMethod.DIGEST_SHA256: DigestChallenge(
                realm, nonce, algorithm=DigestAlgorithm.SHA_256, qop=("auth",), stale=stale
            ),
            AuthMethod.BASIC: BasicChallenge(realm),
        }
        return header_lines([(m, format_challenge(challenges[m])) for m in self._methods])

    def basic_challenges(self) -> tuple[str, ...]:
        """`WWW-Authenticate` values of a 401 where the owner's function decides: Basic alone."""
        return (format_challenge(BasicChallenge(self.settings.realm)),)

    async def aclose(self) -> None:
        """Let go of the thread that verifies slow hashes."""
        await self._slow_check.aclose()

    async def _braked(
        self, attempt: _Attempt, decide: Callable[[], Awaitable[Decision]]
    ) -> Decision:
        """The decision, after what the brake makes the attempt wait, or the brake's refusal."""
        name = attempt.credentials.username
        verdict = self._brake.judge(attempt.peer, name, attempt.now)
        if isinstance(verdict, Wait):
            if self._delayed >= _MAX_DELAYED:
                return Throttled(_whole_seconds(verdict.delay_s))
            self._delayed += 1
            try:
                await self._sleep(verdict.delay_s)
            finally:
                self._delayed -= 1
            # The address may have used its attempts up meanwhile, on other connections.
            after_s = attempt.now + verdict.delay_s
            verdict = self._brake.judge(attempt.peer, name, after_s)
        if isinstance(verdict, Refuse):
            return Throttled(_whole_seconds(verdict.retry_after_s))
        decision = await decide()
        if isinstance(decision, Granted):
            self._brake.succeeded(attempt.peer, name)
        return decision

    async def _decide(self, attempt: _Attempt) -> Decision:
        match attempt.credentials:
            case BasicCredentials() as basic:
                return await self._decide_basic(attempt, basic)
            case DigestCredentials() as digest:
                return self._decide_digest(attempt, digest)

    async def _decide_basic(self, attempt: _Attempt, basic: BasicCredentials) -> Decision:
        if AuthMethod.BASIC not in self._methods:
            return Challenge(self.challenges(attempt.now, peer=attempt.peer))
        user = self._users.find(basic.username)
        if user.password.slow:
            try:
                right = await self._slow_check.verify(
                    user.password, basic.username, basic.password, attempt.now
                )
            except TooManyWaitingError:
                return Throttled(1)
        else:
            right = user.password.verify(
                basic.password, username=basic.username, realm=self.settings.realm
            )
        return Granted(user.name) if right and user.real else self._refusal(attempt, user)

    def _decide_digest(self, attempt: _Attempt, digest: DigestCredentials) -> Decision:
        algorithm = algorithm_named(digest.algorithm)
        method = None if algorithm is None else _METHOD_BY_ALGORITHM[algorithm]
        user = self._users.find(digest.username)
        realm = self.settings.realm
        # What no right password could mend is no guess: the client is only told how to ask.
        if method is None or method not in self._methods or digest.realm != realm:
            return Challenge(self.challenges(attempt.now, peer=attempt.peer))
        if not uri_accepted(digest.uri, attempt.uri, attempt.method):
            return Challenge(self.challenges(attempt.now, peer=attempt.peer), refused=True)
        ha1 = user.password.ha1(method, username=digest.username, realm=realm)
        right = ha1 is not None and digest_matches(digest, user_ha1=ha1, method=attempt.method)
        if not right or not user.real:
            return self._refusal(attempt, user)
        if self._nonces.judge(digest.nonce, attempt.now, attempt.peer) is not NonceState.FRESH:
            # RFC 7616 §3.3: stale says that only the nonce was wrong.
            return Challenge(self.challenges(attempt.now, peer=attempt.peer, stale=True))
        return Granted(user.name)

    def _refusal(self, attempt: _Attempt, user: User) -> Challenge:
        """Count wrong credentials; the 401 for them."""
        self._count_failure(attempt, user.name if user.real else None)
        return Challenge(self.challenges(attempt.now, peer=attempt.peer), refused=True)

    def _count_failure(self, attempt: _Attempt, known_name: str | None) -> None:
        # A name that is not in the settings is not logged: people type passwords there.
        extra = {"peer": attempt.peer, "user": known_name or "(unknown)"}
        _log.warning("wrong credentials", extra={**extra, "cause": "401"})
        if self._brake.failed(attempt.peer, attempt.credentials.username, attempt.now):
            cause = f"{self.settings.address_failure_limit} wrong credentials"
            paused = {**extra, "cause": cause, "pause_s": self.settings.address_pause_s}
            _log.warning("address paused", extra=paused)

    def _counted(self, decision: Decision) -> Decision:
        match decision:
            case Granted():
                self.counters.granted += 1
            case Challenge(refused=True):
                self.counters.refused += 1
            case Challenge():
                self.counters.challenged += 1
            case Forbidden():
                self.counters.forbidden += 1
            case Throttled():
                self.counters.throttled += 1
        return decision


def credentials(authorization: str | None) -> tuple[str, str] | None:
    """User name and password of Basic credentials (RFC 7617); None for anything else."""
    given = None if authorization is None else _understood(authorization)
    return (given.username, given.password) if isinstance(given, BasicCredentials) else None


def _understood(authorization: str) -> BasicCredentials | DigestCredentials | None:
    """What the client shows; None when it is unreadable or of another scheme."""
    try:
        given = parse_authorization(authorization)
    except ProtocolError:
        return None
    return given if isinstance(given, BasicCredentials | DigestCredentials) else None


def _whole_seconds(seconds: float) -> int:
    return max(1, math.ceil(seconds))
