"""Who may do what: credentials, then the owner's check of the mount."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from headwater.access.authenticator import Authenticator
from headwater.access.decision import Action, Challenge, Decision, Forbidden, Granted, Throttled
from headwater.access.places import Places
from headwater.hooks import Allowed, HookRequest, HookRunner, Redirect, Refused, Side
from headwater.log_pace import paced_logger
from headwater.protocol.rtsp_uri import RtspUri, mount_path
from headwater.protocol.status import Status
from headwater.server.refusal import Refusal
from headwater.server.request_uri import parse_request_uri, require_short_path
from headwater.server.role import Role

if TYPE_CHECKING:
    from headwater.server.exchange import Exchange

logger = paced_logger(__name__)

_ACTIONS = {Role.PUBLISH: Action.PUBLISH, Role.PLAY: Action.READ}
SIDES = {Role.PUBLISH: Side.PUBLISH, Role.PLAY: Side.PLAY}


class Gate:
    """Lets a request through or raises its refusal.

    What a connection was once allowed to do on a path it may go on doing: the peer is the same,
    and hooks are asked once for DESCRIBE and its SETUPs together.
    """

    def __init__(self, authenticator: Authenticator, hooks: dict[Role, HookRunner]) -> None:
        self._authenticator = authenticator
        self._hooks = hooks
        self._places = {
            role: Places(runner.authentications_at_once, wait_s=runner.settings.timeout_s)
            for role, runner in hooks.items()
        }

    async def admit(self, exchange: Exchange, role: Role, path: str) -> None:
        """Return when the request may go on; raise Refusal, HookFailed or HookTimedOut else."""
        require_short_path(exchange, path)
        connection, request = exchange.connection, exchange.request
        if connection.may(role, path):
            return
        uri = RtspUri.parse(request.uri)
        hook_request = HookRequest.of(
            method=request.method,
            uri=request.uri,
            path=path,
            query=uri.query,
            headers=request.headers.items(),
            peer=(connection.peer_ip, connection.peer_port),
            side=SIDES[role],
            certificate=connection.stream.peer_certificate,
        )
        username = await self._authenticate(exchange, role, path, hook_request)
        await self._check_mount(role, path, hook_request)
        connection.username = username
        connection.grant(role, path)

    async def admit_by_uri(self, exchange: Exchange, role: Role) -> tuple[RtspUri, str]:
        """The same for a request whose URL is a mount's; returns the URL and the mount's path."""
        uri = parse_request_uri(exchange.request)
        path = mount_path(uri)
        await self.admit(exchange, role, path)
        return uri, path

    async def _authenticate(
        self, exchange: Exchange, role: Role, path: str, hook_request: HookRequest
    ) -> str | None:
        hooks, request = self._hooks[role], exchange.request
        authorization = request.headers.get("Authorization")
        now = exchange.service.clock()
        peer_ip = exchange.connection.peer_ip
        decision: Decision
        if hooks.has("authentication"):

            async def verify(username: str, password: str) -> bool:
                return await hooks.authentication(username, password, hook_request)

            decision = await self._authenticator.check_by(
                verify,
                authorization=authorization,
                now=now,
                peer=peer_ip,
                places=self._places[role],
            )
        else:
            decision = await self._authenticator.check(
                method=request.method,
                uri=request.uri,
                authorization=authorization,
                action=_ACTIONS[role],
                path=path,
                now=now,
                peer=peer_ip,
            )
        match decision:
            case Granted(username):
                return username
            case Challenge(headers, complaint=complaint, if_unanswered=if_unanswered):
                if exchange.connection.challenged:
                    complaint = complaint or if_unanswered
                if complaint:
                    _tell_of_no_use(exchange, path, complaint)
                exchange.connection.challenged = True
                raise Refusal(
                    Status.UNAUTHORIZED, "", [("WWW-Authenticate", value) for value in headers]
                )
            case Forbidden(username):
                raise Refusal(Status.FORBIDDEN, f"{username} may not {role} {path}")
            case Throttled(retry_after_s, cause):
                raise Refusal(
                    Status.SERVICE_UNAVAILABLE,
                    f"{cause}; try again later",
                    [("Retry-After", str(retry_after_s))],
                )
            case _:
                assert_never(decision)

    async def _check_mount(self, role: Role, path: str, hook_request: HookRequest) -> None:
        verdict = await self._hooks[role].check_mount(hook_request)
        match verdict:
            case Allowed():
                return
            case Refused(status):
                raise Refusal(status, f"{path} is refused by this server's owner")
            case Redirect():
                raise Refusal(verdict.status, "", [("Location", verdict.uri)])
            case _:
                assert_never(verdict)


def _tell_of_no_use(exchange: Exchange, path: str, complaint: str) -> None:
    """Log which client cannot log in, whatever its password."""
    connection = exchange.connection
    logger.warning(
        "credentials cannot be used",
        extra={
            "mount": path,
            "peer": connection.peer,
            "agent": connection.user_agent,
            "cause": complaint,
        },
    )
