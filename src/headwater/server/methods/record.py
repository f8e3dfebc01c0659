"""RECORD (RFC 2326 §10.11): the publisher's packets begin."""

from __future__ import annotations

from headwater.media.mount_table import MountTable
from headwater.protocol.header.range import is_open_ended
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.relay.reservations import Reservations
from headwater.server.exchange import Exchange
from headwater.server.refusal import Refusal
from headwater.server.sessions.lookup import SessionLookup
from headwater.server.sessions.session import PublisherSession
from headwater.transports.session_publisher import SessionPublisher


class Record:
    """Answers RECORD."""

    def __init__(
        self, lookup: SessionLookup, mounts: MountTable, reservations: Reservations
    ) -> None:
        self._lookup = lookup
        self._mounts = mounts
        self._reservations = reservations

    async def answer(self, exchange: Exchange) -> bytes:
        """Open the mount (or take it over after a grace) and let the session's packets in."""
        session = self._lookup.required_publisher(exchange)
        session.state_after(Method.RECORD)
        headers = [self._lookup.header(session)]
        if session.state is SessionState.RECORDING:
            return exchange.answer(headers)
        publisher = _complete_publisher(session)
        range_text = exchange.request.headers.get("Range")
        # The range of a file is no reader's: what is live has no end.
        live = range_text if range_text and is_open_ended(range_text) else None
        mount = self._mounts.open(session.path, session.presentation, publisher, live)
        session.mount = mount
        try:
            self._reservations.give_back(session)
            if range_text:
                headers.append(("Range", range_text))
            response = exchange.answer(headers)
            session.advance(Method.RECORD)
        except Exception:
            session.leave_mount("record failed")
            raise
        exchange.after_answer = lambda: publisher.start(mount.tracks)
        return response


def _complete_publisher(session: PublisherSession) -> SessionPublisher:
    """Return the session's publisher, every announced track of which must be set up."""
    publisher = session.publisher
    if publisher is None:
        raise Refusal(Status.METHOD_NOT_VALID_IN_THIS_STATE, "RECORD comes after ANNOUNCE, SETUP")
    missing = sorted(set(range(len(session.presentation.media))) - set(publisher.track_indexes))
    if missing:
        raise Refusal(
            Status.METHOD_NOT_VALID_IN_THIS_STATE,
            f"set up every announced track first; missing: {', '.join(map(str, missing))}",
        )
    return publisher
