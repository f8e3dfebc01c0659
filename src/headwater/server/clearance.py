"""Lets a request through or raises its refusal: what RTSP says to the relay's verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.access.decision import Action, Challenge, Forbidden, Granted, Throttled
from headwater.hooks import Redirect, Refused
from headwater.log_pace import paced_logger
from headwater.protocol.header.node_ask import NODE_HEADER, NodeAsk
from headwater.protocol.status import Status
from headwater.relay.admission import Admission, Application
from headwater.relay.end import Grant
from headwater.relay.limits import Limits
from headwater.server.exchange import Exchange, hook_request
from headwater.server.refusal import Refusal
from headwater.server.request_uri import require_short_path
from headwater.side import Side

if TYPE_CHECKING:
    from headwater.server.connections.connection import Connection

logger = paced_logger(__name__)

_NODE_KEY = NODE_HEADER.lower()
_ACTIONS = {side: Action(side) for side in Side}


class Clearance:
    """Asks the relay's admission about the requests of connections.

    What a connection was once allowed to do on a path it may go on doing: the peer is the same,
    and hooks are asked once for DESCRIBE and its SETUPs together.
    """

    def __init__(self, admission: Admission, limits: Limits) -> None:
        self._admission = admission
        self._limits = limits

    def at_once(self, exchange: Exchange, side: Side, path: str) -> bool:
        """Say whether the request may go on without anybody being asked; else `require` it."""
        connection = exchange.connection
        if connection.may(side, path):
            return True
        if _NODE_KEY in exchange.asked and self._admission.nodes is not None:
            return False
        require_short_path(path, self._limits.settings.path_bytes)
        granted = self._admission.at_once(_ACTIONS[side], path, exchange.asked.get("authorization"))
        if granted is None:
            return False
        connection.grant(side, path, granted.username)
        return True

    async def require(self, exchange: Exchange, side: Side, path: str) -> None:
        """Return when the request may go on; raise Refusal, HookFailed, HookTimedOut or
        NoAnswerError else."""
        if self.at_once(exchange, side, path):
            return
        if _NODE_KEY in exchange.asked and await self._is_node(exchange, side, path):
            return
        connection, request = exchange.connection, exchange.request
        action, authorization = _ACTIONS[side], exchange.asked.get("authorization")
        seen = hook_request(exchange, side, path)
        application = Application(action, seen, authorization, request.uri)
        verdict = await self._admission.decide(application)
        if not isinstance(verdict, Granted):
            raise _refusal_of(verdict, connection, side, path)
        ending = Grant.of(verdict, seen, authorization)
        connection.grant(side, path, verdict.username, ending)

    async def _is_node(self, exchange: Exchange, side: Side, path: str) -> bool:
        """Return whether another node of the cluster asks; False without a cluster.

        Raises Refusal where the credentials are not those of the cluster.
        """
        connection, authorization = exchange.connection, exchange.asked.get("authorization")
        if side is not Side.PLAY:
            return False
        seen = hook_request(exchange, side, path)
        application = Application(_ACTIONS[side], seen, authorization, exchange.request.uri)
        decision = await self._admission.decide_node(application)
        if decision is None:
            return False
        if not isinstance(decision, Granted):
            raise _refusal_of(decision, connection, side, path)
        connection.take_for_node(NodeAsk.of(exchange.asked[_NODE_KEY]))
        connection.grant(side, path, None)
        return True

    async def require_by_uri(self, exchange: Exchange, side: Side) -> str:
        """Do the same for a request with a mount's URL; returns the mount's path."""
        path = exchange.url.path
        await self.require(exchange, side, path)
        return path


def _refusal_of(
    verdict: Challenge | Forbidden | Throttled | Refused | Redirect,
    connection: Connection,
    side: Side,
    path: str,
) -> Refusal:
    match verdict:
        case Challenge(headers, complaint=complaint, if_unanswered=if_unanswered):
            if connection.challenged:
                complaint = complaint or if_unanswered
            if complaint:
                _tell_of_no_use(connection, path, complaint)
            connection.challenged = True
            challenges = [("WWW-Authenticate", value) for value in headers]
            return Refusal(Status.UNAUTHORIZED, "", challenges)
        case Forbidden(username):
            return Refusal(Status.FORBIDDEN, f"{username} may not {side} {path}")
        case Throttled(retry_after_s, cause):
            return Refusal(
                Status.SERVICE_UNAVAILABLE,
                f"{cause}; try again later",
                [("Retry-After", str(retry_after_s))],
            )
        case Refused(status):
            return Refusal(status, f"{path} is refused by this server's owner")
        case Redirect():
            return Refusal(verdict.status, "", [("Location", verdict.uri)])


def _tell_of_no_use(connection: Connection, path: str, complaint: str) -> None:
    """Log which client cannot log in, whatever its password."""
    logger.warning(
        "credentials cannot be used",
        extra={
            "mount": path,
            "peer": connection.peer,
            "agent": connection.user_agent,
            "cause": complaint,
        },
    )
