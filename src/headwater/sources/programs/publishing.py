"""The one conversation of a door: a program announces, sets up its tracks, and records."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.client.surroundings import Surroundings
from headwater.log_pace import paced_logger
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.net.socket_address import address_text
from headwater.protocol.control import resolve_control
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.method_list import format_methods
from headwater.protocol.header.transport import parse_transport
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.method import Method
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.session_states import SessionState, next_state
from headwater.protocol.status import Status
from headwater.relay.relay import new_end_id
from headwater.shown_text import shown
from headwater.side import Side
from headwater.sources.source import SourceError
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.offers.negotiation import fitting
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_publisher import SessionPublisher
from headwater.transports.settings import TransportKind
from headwater.transports.wire_connection import WireConnection

logger = paced_logger(__name__)

_KINDS: Final = frozenset({TransportKind.TCP, TransportKind.UDP})
_MOST_UNREAD_BYTES: Final = 65_536
_METHODS: Final = (
    *(Method.OPTIONS, Method.ANNOUNCE, Method.SETUP, Method.RECORD),
    *(Method.TEARDOWN, Method.GET_PARAMETER, Method.SET_PARAMETER),
)

OnRecord = Callable[[SessionDescription, Feed], Sequence[Track]]
"""Takes what a program publishes into a mount. Raises SourceError where that cannot be."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a program needs of its door.

    Attributes:
        path: the one path that it lets in; it holds a secret.
        around: what its transports need.
        on_record: called at RECORD.
        on_ended: told why, once nothing more comes.
    """

    path: str
    around: Surroundings
    on_record: OnRecord
    on_ended: Callable[[SourceError], None]


class PublishingConnection(WireConnection):
    """A program's RTSP connection, on which it publishes one presentation.

    It needs no rights: who knows the path was started by this server.

    Attributes:
        feed: fills the mount; None before its first SETUP.
    """

    def __init__(self, opened: Opened) -> None:
        around = opened.around
        super().__init__(around.wire_limits, around.loop.time)
        self.feed: IngestPublisher | None = None
        self._opened = opened
        self._state = SessionState.INIT
        self._session = new_end_id()
        self._user_agent = ""
        self._presentation: SessionDescription | None = None
        self._publisher: SessionPublisher | None = None
        self._tracks: Sequence[Track] = ()

    def stream_drained(self) -> None:
        """Do nothing: what is written is bounded by what is asked."""

    def release(self) -> None:
        """Close the connection, and give back ports and channels; a second call does nothing."""
        feed, self.feed = self.feed, None
        if feed is not None:
            feed.release()
        self.close()

    async def _deal_with(self, message: Request | Response | ProtocolError) -> None:
        match message:
            case Request():
                self._send(self._answered(message))
                if self._tracks and self.feed is not None:
                    # Behind the answer: its packets may stand in the same segment.
                    tracks, self._tracks = self._tracks, ()
                    self.feed.start(tracks)
            case ProtocolError():
                self._send(Response(message.status, Headers([("CSeq", "0")])))
                if message.fatal:
                    self.close()

    def _answered(self, request: Request) -> Response:
        headers = Headers([("CSeq", request.headers.get("CSeq", "0"))])
        self._user_agent = self._user_agent or shown(request.headers.get("User-Agent", ""))
        try:
            status = self._carry_out(request, headers)
        except ProtocolError as error:
            return _refusal(headers, error.status, str(error))
        except SourceError as error:
            self._opened.on_ended(error)
            return _refusal(headers, Status.SERVICE_UNAVAILABLE, error.message)
        return Response(status, headers)

    def _carry_out(self, request: Request, headers: Headers) -> Status:
        if request.method not in _METHODS:
            headers.add("Allow", format_methods(_METHODS))
            return Status.NOT_IMPLEMENTED
        # OPTIONS may be asked of `*`; all else of the path that only the program knows.
        if request.method != Method.OPTIONS and self._opened.path not in request.uri:
            return Status.NOT_FOUND
        state = next_state(self._state, request.method, Side.PUBLISH)
        match request.method:
            case Method.OPTIONS:
                headers.add("Public", format_methods(_METHODS))
                return Status.OK
            case Method.ANNOUNCE:
                self._presentation = SessionDescription.parse(
                    request.body, limits=self._opened.around.description_limits
                )
            case Method.SETUP:
                headers.add("Transport", self._set_up(request))
            case Method.RECORD:
                self._record()
        headers.add("Session", self._session)
        self._state = state
        if request.method == Method.TEARDOWN:
            self._opened.on_ended(SourceError("it has ended its stream"))
        return Status.OK

    def _set_up(self, request: Request) -> str:
        presentation = self._presentation
        if presentation is None:
            raise _refused(Status.METHOD_NOT_VALID_IN_THIS_STATE, "SETUP comes after ANNOUNCE")
        controls = [media.control or "" for media in presentation.media]
        index = resolve_control(request.uri, controls=controls, mount=self._opened.path).track
        if index is None and len(controls) == 1:
            index = 0
        if index is None or not 0 <= index < len(controls):
            raise _refused(Status.NOT_FOUND, f"there are {len(controls)} tracks; SETUP names one")
        publisher = self._publisher
        allowed = _KINDS if publisher is None else {TransportKind(publisher.transport)}
        peer_ip = self.stream.peer_address[0]
        transport = request.headers.get_list("Transport")
        offers = fitting(parse_transport(transport), allowed, peer_ip=peer_ip) if transport else ()
        if not offers:
            raise _refused(Status.UNSUPPORTED_TRANSPORT, "RTP/AVP over UDP or TCP is taken here")
        if publisher is None:
            publisher = self._opened.around.transports.publisher(
                offers[0].kind, self._identity(), self.stream, self.channels
            )
            self._publisher = self.feed = publisher
        return publisher.add_track(index, offers[0]).to_header()

    def _record(self) -> None:
        presentation, publisher = self._presentation, self._publisher
        # The states let RECORD come behind a SETUP only.
        assert presentation is not None and publisher is not None  # noqa: S101, PT018
        if len(publisher.track_indexes) < len(presentation.media):
            raise _refused(
                Status.METHOD_NOT_VALID_IN_THIS_STATE, "set up every announced track first"
            )
        if self._state is not SessionState.RECORDING:
            self._tracks = self._opened.on_record(presentation, publisher)

    def _identity(self) -> SessionIdentity:
        stream = self.stream
        return SessionIdentity(
            id=self._session,
            peer=address_text(stream.peer_address),
            peer_ip=stream.peer_address[0],
            address_block="",
            local_ip=stream.local_address[0],
            user_agent=self._user_agent,
            on_close=lambda reason: self._opened.on_ended(SourceError(reason)),
            on_life=lambda: None,
        )

    def _send(self, response: Response) -> None:
        self.stream.write(response.to_bytes())
        if self.stream.queued_bytes > _MOST_UNREAD_BYTES:
            self.abort()

    def _work_failed(self, error: Exception) -> None:
        logger.error("a program's connection failed", exc_info=error)
        self._opened.on_ended(SourceError(f"this server failed: {type(error).__name__}"))
        self.abort()

    def _lost(self, error: Exception | None) -> None:
        if self._state is not SessionState.INIT:
            why = "" if error is None else f": {shown(str(error))}"
            self._opened.on_ended(SourceError(f"it has closed its connection{why}"))

    def _unknown_channel(self, packet_count: int) -> None:
        """Drop packets on channels that it has not set up."""


def secret_path() -> str:
    """Return a path that nobody guesses."""
    return f"/{secrets.token_urlsafe(18).replace('-', '0').replace('_', '1')}"


def _refused(status: Status, words: str) -> ProtocolError:
    return ProtocolError(words, status=status, where="request")


def _refusal(headers: Headers, status: int, words: str) -> Response:
    headers.set("Content-Type", "text/plain;charset=utf-8")
    return Response(status, headers, shown(words).encode() + b"\r\n")
