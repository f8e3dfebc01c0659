"""Decide who may do what, by the `Authorization` header of a request."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from copy import copy

from headwater.access.auth_method import AuthMethod, shut_out_md5, with_offer
from headwater.access.brake import (
    Attempt,
    Brake,
    BrakeLimits,
    Proceed,
    Queue,
    Refuse,
    Wait,
)
from headwater.access.claim import Claim, basic_of, password_of, understood
from headwater.access.counters import AccessCounters
from headwater.access.decision import (
    Action,
    Challenge,
    Decision,
    Forbidden,
    Granted,
    Throttled,
)
from headwater.access.nonces import Nonces, NonceState
from headwater.access.places import NoPlaceError, Places
from headwater.access.quirks import (
    ENCODINGS_OF_DIGEST,
    header_lines,
    readings_of_name,
    token_cut_by_ffmpeg,
    uri_accepted,
)
from headwater.access.settings import AccessSettings
from headwater.access.slow_check import SlowPasswordCheck, TooManyWaitingError
from headwater.access.turns import source_in_network
from headwater.access.user_table import User, UserTable
from headwater.log_pace import paced_logger
from headwater.protocol.digest import DigestAlgorithm, algorithm_named, digest_matches
from headwater.protocol.header.authenticate import (
    BasicChallenge,
    DigestChallenge,
    format_challenge,
)
from headwater.protocol.header.authorization import BasicCredentials, DigestCredentials

_log = paced_logger(__name__)

_METHOD_BY_ALGORITHM = {
    DigestAlgorithm.MD5: AuthMethod.DIGEST_MD5,
    DigestAlgorithm.SHA_256: AuthMethod.DIGEST_SHA256,
}
_UNREADABLE = "they are unreadable, or of a scheme that is not known here"
_UNANSWERED = "none came, asked for twice"
_ANYBODY = Granted(None)
_BUSY = Throttled(1, "too many credentials are being checked")


class Authenticator:
    """Decides about requests: by the users of the settings, or by a function of the owner.

    `sleep` is how attempts wait when the brake says so; `asyncio.sleep` unless told otherwise.
    `counters` is for reading only. `brake` counts wrong credentials.
    """

    def __init__(
        self,
        settings: AccessSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counters = AccessCounters()
        self._sleep = sleep
        self._go_by(settings)
        self._nonces = Nonces(settings.nonce_lifetime_s)
        self._slow_check = SlowPasswordCheck(settings.verified_lifetime_s)
        # Those who wait for an attempt of their own source to be over, first come first served.
        self._queues: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self.brake = Brake(_brake_limits(settings))

    def sign_nonces_with(self, secret: bytes) -> None:
        """Accept the nonces of all processes that have the same secret."""
        self._nonces.secret = secret

    def with_settings(self, settings: AccessSettings) -> Authenticator:
        """Return one that decides by other users and rules, and goes on with all that this knows.

        Failures, nonces and counters stay. What this one is deciding about is decided by the users
        that it began with.
        """
        other = copy(self)
        other._go_by(settings)  # noqa: SLF001 - of this class
        self._nonces.lifetime_s = settings.nonce_lifetime_s
        self._slow_check.forget(settings.verified_lifetime_s)
        self.brake.limits = _brake_limits(settings)
        return other

    def anonymous(self, action: Action, path: str) -> Granted | None:
        """Return the grant for somebody who shows no credentials; None where some are needed."""
        if not self.anonymous_may(action, path):
            return None
        self.counted(_ANYBODY)
        return _ANYBODY

    def anonymous_may(self, action: Action, path: str) -> bool:
        """Return whether this needs no credentials."""
        return self._users.anonymous_may(action, path)

    @property
    def has_any(self) -> bool:
        """Whether the settings have users."""
        return bool(self._users)

    def patterns_of(self, username: str, action: Action) -> tuple[str, ...]:
        """Return the paths for which a user has a right; none for a name that nobody has."""
        return self._users.find(username).patterns.get(action, ()) if self._users else ()

    def anonymous_patterns(self, action: Action) -> tuple[str, ...]:
        """Return the paths for which this needs no credentials."""
        return self._users.anonymous_patterns(action)

    async def identify(
        self, *, method: str, uri: str, authorization: str | None, now: float, peer: str, port: int
    ) -> Decision:
        """Say which user of the settings somebody is, of whom there must be one.

        What the user may is told by `patterns_of`. The arguments are those of `check`.
        """
        given = None if authorization is None else understood(authorization)
        claim = None if given is None else Claim(method, uri, given, now, peer, port)
        return self.counted(await self._identified(claim, authorization, now, peer))

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
        port: int,
    ) -> Decision:
        """Decide by the users of the settings.

        `uri` is the request line's, `path` the mount's, `now` seconds of any monotonic clock,
        `peer` and `port` the client's address, of which the port is for the log alone. Suspends
        only for a password whose hash is slow or for the brake's delay.
        """
        given = None if authorization is None else understood(authorization)
        claim = None if given is None else Claim(method, uri, given, now, peer, port)
        if self._users.anonymous_may(action, path):
            return self.counted(Granted(None if claim is None else self._named_anyway(claim)))
        if not self._users:
            return self.counted(self._without_users(authorization, now, peer))
        decision = await self._identified(claim, authorization, now, peer)
        if isinstance(decision, Granted):
            user = self._users.find(decision.username or "")
            if not user.may(action, path):
                decision = Forbidden(user.name)
        return self.counted(decision)

    async def check_by(
        self,
        verify: Callable[[str, str], Awaitable[bool]],
        *,
        authorization: str | None,
        now: float,
        peer: str,
        port: int,
        places: Places,
    ) -> Decision:
        """Decide by the owner's function, given user name and password of Basic credentials.

        Without such credentials it is given two empty strings. `places` bounds how many calls of
        it run at once. Never answers Forbidden. What `verify` raises comes through.
        """
        brake, given = self.brake, None if authorization is None else understood(authorization)
        if not isinstance(given, BasicCredentials):
            # Every client begins so: where a user has logged in before, it is known.
            try:
                source = source_in_network(peer, brake.block(peer))
                async with places.place(source, known=brake.knows(peer)):
                    granted = await verify("", "")
            except NoPlaceError:
                return self.counted(_BUSY)
            complaint = "" if authorization is None else f"{_UNREADABLE}; offered: basic"
            challenge = Challenge(self.basic_challenges(), complaint=complaint)
            return self.counted(Granted(None) if granted else challenge)
        username, password = given.username, given.password
        claim = Claim("", "", given, now, peer, port)

        async def decide(attempt: Attempt) -> Decision:
            source, known = source_in_network(peer, attempt.source), brake.knows(peer, username)
            try:
                async with places.place(source, known=known):
                    right = await verify(username, password)
            except NoPlaceError:
                return _BUSY
            if right:
                return Granted(username)
            self._count_failure(claim, attempt, known_name=None)
            return Challenge(self.basic_challenges(), refused=True)

        return self.counted(await self._braked(claim, decide))

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

    def _go_by(self, settings: AccessSettings) -> None:
        self.settings = settings
        self._users = UserTable(settings)
        self._methods = offered = settings.offered_methods()
        self._if_unanswered = with_offer(_UNANSWERED, offered) if shut_out_md5(offered) else ""

    def _without_users(self, authorization: str | None, now: float, peer: str) -> Decision:
        """Return what is said to who shows no token, where there are no users."""
        if not self.settings.jwt.enabled:
            return Forbidden("anonymous")
        if authorization is None:
            return Challenge(self.challenges(now, peer=peer))
        complaint = "a token was expected (access.jwt)"
        if (basic := basic_of(authorization)) is not None and token_cut_by_ffmpeg(basic):
            complaint += "; FFmpeg has cut this one off: show it as ?token= behind the URL"
        return self._of_no_use(now, peer, complaint, refused=True)

    async def _identified(
        self, claim: Claim | None, authorization: str | None, now: float, peer: str
    ) -> Decision:
        if authorization is None:
            headers = self.challenges(now, peer=peer)
            return Challenge(headers, if_unanswered=self._if_unanswered)
        if claim is None:
            return self._of_no_use(now, peer, _UNREADABLE, refused=True)
        if not (claim.credentials.username or password_of(claim.credentials)):
            return self._of_no_use(now, peer, "name and password are empty", refused=True)
        return await self._braked(claim, lambda attempt: self._decide(claim, attempt))

    def _named_anyway(self, claim: Claim) -> str | None:
        """Return the user of credentials that nobody asked for; wrong ones are no guess.

        A password that is kept as a slow hash is not worth its work here.
        """
        if not self._users:
            return None
        user = None
        match claim.credentials:
            case BasicCredentials(username, password):
                found = self._users.find(username)
                if not found.password.slow and found.password.verify(
                    password, username=username, realm=self.settings.realm
                ):
                    user = found if found.real else None
            case DigestCredentials() as digest:
                known = algorithm_named(digest.algorithm)
                if known is not None:
                    user = self._proved(digest, claim.method, _METHOD_BY_ALGORITHM[known])
        if user is None:
            _log.info("credentials not needed, and not right", extra={"peer": claim.peer_text})
        return None if user is None else user.name

    async def _braked(
        self, claim: Claim, decide: Callable[[Attempt], Awaitable[Decision]]
    ) -> Decision:
        """Return the decision, once the brake lets the attempt go on, or the brake's refusal.

        Whoever waits holds up one request of one connection: connections bound how many wait.
        """
        brake, peer, name = self.brake, claim.peer, claim.credentials.username
        now, delayed = claim.now, False
        # Whose queues are to be told when this is over: a source may become another while one
        # waits, since the first success makes the address known.
        sources: set[Hashable] = set()
        try:
            while True:
                verdict = brake.judge(peer, name, now)
                match verdict:
                    case Refuse(retry_after_s):
                        return Throttled(_whole_seconds(retry_after_s))
                    case Queue(source):
                        sources.add(source)
                        await self._wait_in_queue(source)
                    case Wait(delay_s) if not delayed:
                        delayed = True
                        await self._sleep(delay_s)
                        now += delay_s
                    case Proceed() | Wait():
                        break
            attempt = brake.begin(peer, name, now)
            sources.add(attempt.source)
            try:
                decision = await decide(attempt)
            finally:
                brake.end(attempt)
            if isinstance(decision, Granted):
                brake.succeeded(peer, name)
            return decision
        finally:
            for source in sources:
                self._let_next_in(source)

    async def _wait_in_queue(self, source: Hashable) -> None:
        queue = self._queues.setdefault(source, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        await turn

    def _let_next_in(self, source: Hashable) -> None:
        queue = self._queues.get(source)
        while queue:
            turn = queue.popleft()
            if not queue:
                del self._queues[source]
            if not turn.done():
                turn.set_result(None)
                return

    async def _decide(self, claim: Claim, attempt: Attempt) -> Decision:
        match claim.credentials:
            case BasicCredentials() as basic:
                return await self._decide_basic(claim, attempt, basic)
            case DigestCredentials() as digest:
                return self._decide_digest(claim, attempt, digest)

    async def _decide_basic(
        self, claim: Claim, attempt: Attempt, basic: BasicCredentials
    ) -> Decision:
        if AuthMethod.BASIC not in self._methods:
            return self._of_no_use(claim.now, claim.peer, f"they are {AuthMethod.BASIC}")
        user = self._users.find(basic.username)
        if user.password.slow:
            try:
                right = await self._slow_check.verify(
                    user.password,
                    basic.username,
                    basic.password,
                    claim.now,
                    source=source_in_network(claim.peer, attempt.source),
                    known=self.brake.knows(claim.peer, basic.username),
                )
            except TooManyWaitingError:
                return _BUSY
        else:
            right = user.password.verify(
                basic.password, username=basic.username, realm=self.settings.realm
            )
        return Granted(user.name) if right and user.real else self._refusal(claim, attempt, user)

    def _decide_digest(self, claim: Claim, attempt: Attempt, digest: DigestCredentials) -> Decision:
        algorithm = algorithm_named(digest.algorithm)
        method = None if algorithm is None else _METHOD_BY_ALGORITHM[algorithm]
        # What no right password could mend is no guess: the client is only told how to ask.
        if method is None or method not in self._methods:
            complaint = f"they are {method or 'a digest of another algorithm'}"
            return self._of_no_use(claim.now, claim.peer, complaint)
        if digest.realm != self.settings.realm:
            return self._of_no_use(claim.now, claim.peer, "they are for another realm")
        if not uri_accepted(digest.uri, claim.uri, claim.method):
            return self._of_no_use(claim.now, claim.peer, "they are for another URL", refused=True)
        user = self._proved(digest, claim.method, method)
        if user is None:
            return self._refusal(claim, attempt, self._users.find(digest.username))
        if self._nonces.judge(digest.nonce, claim.now, claim.peer) is not NonceState.FRESH:
            # RFC 7616 §3.3: stale says that only the nonce was wrong.
            return Challenge(self.challenges(claim.now, peer=claim.peer, stale=True))
        return Granted(user.name)

    def _proved(
        self, digest: DigestCredentials, method: str, auth_method: AuthMethod
    ) -> User | None:
        """Return the user whose password the digest proves, by one of the readings of its name.

        All encodings are tried for names that nobody has as well, so that time tells nothing.
        """
        for reading in readings_of_name(digest):
            user = self._users.find(reading.username)
            for encoding in ENCODINGS_OF_DIGEST:
                ha1 = user.password.ha1(
                    auth_method,
                    username=reading.username,
                    realm=self.settings.realm,
                    encoding=encoding,
                )
                if ha1 is not None and digest_matches(reading, user_ha1=ha1, method=method):
                    return user if user.real else None
        return None

    def _of_no_use(
        self, now: float, peer: str, complaint: str, *, refused: bool = False
    ) -> Challenge:
        """Return the 401 for an answer that no right password could mend."""
        return Challenge(
            self.challenges(now, peer=peer), refused, with_offer(complaint, self._methods)
        )

    def _refusal(self, claim: Claim, attempt: Attempt, user: User) -> Challenge:
        """Count wrong credentials; the 401 for them."""
        self._count_failure(claim, attempt, user.name if user.real else None)
        return Challenge(self.challenges(claim.now, peer=claim.peer), refused=True)

    def _count_failure(self, claim: Claim, attempt: Attempt, known_name: str | None) -> None:
        # A name that is not in the settings is not logged: people type passwords there.
        extra = {"peer": claim.peer_text, "user": known_name or "(unknown)"}
        _log.warning("wrong credentials", extra={**extra, "cause": "401"})
        if self.brake.failed(attempt, claim.now):
            cause = f"{self.settings.address_failure_limit} wrong credentials"
            pause_s = self.settings.address_pause_s
            paused = {**extra, "peer": claim.peer, "cause": cause, "pause_s": pause_s}
            _log.warning("address paused", extra=paused)

    def counted(self, decision: Decision) -> Decision:
        """Count a decision, and return it."""
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


def _brake_limits(settings: AccessSettings) -> BrakeLimits:
    return BrakeLimits(
        window_s=settings.brake_window_s,
        address_limit=settings.address_failure_limit,
        pause_s=settings.address_pause_s,
        user_limit=settings.user_failure_limit,
        user_delay_s=settings.user_delay_s,
        ipv6_prefix_bits=settings.brake_ipv6_prefix_bits,
    )


def _whole_seconds(seconds: float) -> int:
    return max(1, math.ceil(seconds))
