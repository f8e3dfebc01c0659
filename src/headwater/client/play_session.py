"""One connection on which a server plays: its tracks set up, PLAY, and the watch until the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from headwater.client.describing import Described
from headwater.client.errors import (
    ClientError,
    ConnectionLostError,
    EndedError,
    RefusedError,
    SilentError,
    TransportError,
)
from headwater.client.quirks import LEAST_KEEP_ALIVE_S, PLAY_RANGE
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.log_pace import paced_logger
from headwater.media.clock import Timer
from headwater.media.counters import TrackCounters
from headwater.media.tracks.track import Track
from headwater.net.socket_address import address_text
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.sdp import MediaDescription, SessionDescription
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status
from headwater.relay.relay import new_end_id
from headwater.shown_text import shown
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.session_media import SessionIdentity
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)

_LOOK_S = 1.0
_BYE_S = 1.0
"""Some encoders say BYE whenever their SSRC changes: only silence after it is an end."""
_TEARDOWN_S = 2.0


class Sink(Protocol):
    """Where the packets of a server go: a mount of a relay, or one of the client's own."""

    def begin(
        self, presentation: SessionDescription, publisher: IngestPublisher
    ) -> Sequence[Track]:
        """Take the publisher, whose packets come from now on; return a track for each `m=` line."""

    def end(self, publisher: IngestPublisher, reason: str) -> None:
        """Let go of a publisher that has begun: nothing more comes from it."""


@dataclass(frozen=True, slots=True)
class PlayRequest:
    """What is to be played, and how.

    Attributes:
        tracks: indexes of the description's `m=` lines; None for all that the server sends.
        range_text: the Range of PLAY, such as `npt=30-` or `clock=20260101T120000Z-`; empty for
            all of it.
        scale: how fast a recorder is to play, 1.0 as it was recorded; None leaves it to the server.
        at_once: whether the sink begins with the answer to PLAY, also where nothing comes yet.
    """

    tracks: tuple[int, ...] | None = None
    range_text: str = ""
    scale: float | None = None
    at_once: bool = False

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of its PLAY."""
        headers = [("Range", self.range_text or PLAY_RANGE)]
        if self.scale is not None:
            headers.append(("Scale", f"{self.scale:g}"))
        return headers


@dataclass(frozen=True, slots=True)
class PlayingServer:
    """What a server says of itself.

    Attributes:
        name: what it calls itself; "" where it does not.
        methods: the methods that it offers.
        session_timeout_s: after how many seconds without a request it ends a session.
    """

    name: str
    methods: frozenset[str]
    session_timeout_s: int


class PlaySession:
    """What a server plays on one connection, over one kind of transport, into a sink.

    Life: `set_up`, `play`, then `pause` and `resume` as one likes, until `ended`; `close` once,
    which frees everything, whatever was reached.

    Attributes:
        kind: how media comes.
        presentation: the description of the tracks that are played.
        publisher: fills the sink.
        answer: what the server answered to the last PLAY; None before.
        ended: done, with the reason as an error, once nothing more will come.
    """

    def __init__(
        self,
        described: Described,
        kind: TransportKind,
        settings: ClientSettings,
        around: Surroundings,
    ) -> None:
        self.kind = kind
        self.presentation = described.presentation
        self.answer: Response | None = None
        self.ended: asyncio.Future[ClientError] = asyncio.get_running_loop().create_future()
        self._described = described
        self._connection = described.connection
        self._settings = settings
        self._around = around
        self._sink: Sink | None = None
        self._timer: Timer | None = None
        self._played_s = 0.0
        self._keep_alive_due_s = 0.0
        self._closed = False
        self._connection.on_ended = self._connection_ended
        stream = self._connection.stream
        peer_ip = stream.peer_address[0]
        self.publisher = IngestPublisher(
            SessionIdentity(
                id=new_end_id(),
                peer=address_text(stream.peer_address),
                peer_ip=peer_ip,
                # The ports of a source are the owner's choice, so that no share is held against it.
                address_block="",
                local_ip=stream.local_address[0],
                user_agent=settings.user_agent,
                on_close=self._sent_away,
                on_life=lambda: None,
            ),
            kind,
        )
        self.publisher.one_source = True

    @property
    def url(self) -> str:
        """What logs and errors call the place that it is played from."""
        return self._described.target.label

    @property
    def server(self) -> PlayingServer:
        """What the server says of itself."""
        dialogue = self._connection.dialogue
        return PlayingServer(shown(dialogue.server), dialogue.public, dialogue.session_timeout_s)

    @property
    def unknown_frames(self) -> int:
        """Packets that came on interleaved channels that were never set up."""
        return self._connection.unknown_frames

    async def set_up(self, tracks: tuple[int, ...]) -> None:
        """Agree on the way of each track.

        Raises ClientError: TransportError where another transport may do.
        """
        self.presentation = self._described.presentation_of(tracks)
        for index, track in enumerate(tracks):
            await self._set_up_track(index, track)

    async def play(self, sink: Sink, request: PlayRequest, *, silence_s: float) -> None:
        """Have the server send, into the sink.

        Unless the request says `at_once`, the sink begins when the first packet has come, so that a
        server that hangs, or a way that does not lead here, disturbs nobody; raises SilentError
        when none has for `silence_s`.
        Packets may come before the answer to PLAY: RTCP of some cameras does (Reolink).
        """
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.publisher.on_arrival(partial(_settle, arrival))
        self.publisher.open_nats()
        await self._ask_to_play(request.headers())
        if not request.at_once:
            await self._until(arrival, silence_s)
        self._begin(sink)
        self._played_s = self._around.loop.time()
        self._schedule_keep_alive(self._played_s)
        self._look_later()

    async def pause(self) -> None:
        """Have the server stop for a while; the session stays."""
        await self._ask(Method.PAUSE)

    async def resume(self, request: PlayRequest | None = None) -> None:
        """Have it go on where it was, or as the request says."""
        await self._ask_to_play([] if request is None else request.headers())
        self._played_s = self._around.loop.time()

    async def close(self, reason: str = "left") -> None:
        """End the session with TEARDOWN and free everything; a second call does nothing.

        Old live555 writes media of a session that was not ended into the next connection, and a
        camera with two places keeps one taken.
        """
        if self._closed:
            return
        connection = self._connection
        self._let_go(reason)
        try:
            if connection.failure is None and connection.dialogue.session is not None:
                await connection.ask(Method.TEARDOWN, self._described.control, within_s=_TEARDOWN_S)
        except ClientError as error:
            logger.debug("TEARDOWN not answered", extra={"url": self.url, "cause": error.message})
        finally:
            connection.close()

    def _let_go(self, reason: str) -> None:
        self._closed = True
        self._connection.on_ended = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.publisher.stop()
        sink, self._sink = self._sink, None
        try:
            if sink is not None:
                sink.end(self.publisher, reason)
        finally:
            self.publisher.release()
        self._note_end(EndedError(reason, url=self.url, step="playing"))

    # -- SETUP

    async def _set_up_track(self, index: int, track: int) -> None:
        step = f"SETUP of track {track} ({self.kind})"
        connection = self._connection
        try:
            offer = self._around.transports.receiving_offer(
                self.kind,
                self.publisher,
                connection.stream,
                connection.channels,
                announced=_announced_group(self._described.presentation, track),
                changing_ports=self._settings.any_port,
            )
        except OSError as error:
            raise TransportError(shown(str(error)), url=self.url, step=step) from error
        try:
            response = await connection.ask(
                Method.SETUP,
                self._described.track_uris[track],
                [("Transport", offer.header)],
                within_s=self._settings.answer_timeout_s,
                step=step,
            )
            if response.status == Status.UNSUPPORTED_TRANSPORT:
                raise TransportError("answered 461 Unsupported Transport", url=self.url, step=step)
            if response.status // 100 != 2:
                raise RefusedError.of(response, url=self.url, step=step)
            ingest = offer.accept(response.headers.get("Transport"))
        except (ProtocolError, OSError) as error:
            offer.withdraw()
            if isinstance(error, ClientError):
                raise
            raise TransportError(shown(str(error)), url=self.url, step=step) from error
        except BaseException:
            offer.withdraw()
            raise
        self.publisher.put(index, ingest)

    # -- PLAY

    def _begin(self, sink: Sink) -> None:
        tracks = sink.begin(self.presentation, self.publisher)
        self._sink = sink
        self.publisher.start(tracks)

    async def _ask_to_play(self, headers: list[tuple[str, str]]) -> None:
        self.answer = await self._ask(Method.PLAY, headers)

    async def _ask(self, method: Method, headers: Sequence[tuple[str, str]] = ()) -> Response:
        return await self._connection.ask_for_success(
            method, self._described.control, headers, within_s=self._settings.answer_timeout_s
        )

    async def _until(self, arrival: asyncio.Future[None], silence_s: float) -> None:
        """Wait for the first packet, or for the end."""
        await asyncio.wait(
            (arrival, self.ended), timeout=silence_s, return_when=asyncio.FIRST_COMPLETED
        )
        if arrival.done():
            return
        if self.ended.done():
            raise self.ended.result()
        raise SilentError(
            f"no packet came over {self.kind} within {silence_s:g} s", url=self.url, step="PLAY"
        )

    # -- until the end

    def _look_later(self) -> None:
        self._timer = self._around.loop.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Keep the session alive, and see whether it still plays: once a second."""
        now = self._around.loop.time()
        self._look_later()
        if now >= self._keep_alive_due_s:
            self._schedule_keep_alive(now)
            self.publisher.open_nats()
            # Its answer is not waited for: some cameras send none while they play.
            self._connection.tell(
                self._connection.dialogue.keep_alive_method, self._described.control
            )
        if self._connection.dialogue.state is SessionState.PLAYING:
            self._look_for_end(now)

    def _look_for_end(self, now: float) -> None:
        counters = [track.counters for track in self.publisher.tracks]
        last_packet_s = max(one.last_packet_s for one in counters)
        silent_s = now - max(last_packet_s, self._played_s)
        if silent_s > _BYE_S and self._was_said_goodbye(counters):
            self._note_end(EndedError("the server said BYE", url=self.url, step="playing"))
        elif silent_s > self._settings.silence_timeout_s:
            message = f"no packet came for {silent_s:.0f} s"
            self._note_end(SilentError(message, url=self.url, step="playing"))

    def _was_said_goodbye(self, counters: Iterable[TrackCounters]) -> bool:
        """Return whether BYE was the last that came on every track."""
        return all(one.last_bye_s >= max(one.last_packet_s, self._played_s) for one in counters)

    def _schedule_keep_alive(self, now: float) -> None:
        half_s = self._connection.dialogue.session_timeout_s / 2
        self._keep_alive_due_s = now + max(
            LEAST_KEEP_ALIVE_S, min(half_s, self._settings.keep_alive_s)
        )

    def _connection_ended(self, reason: str) -> None:
        # A turn later: a BYE over UDP that came with the end of the connection is read by then.
        self._around.loop.call_soon(self._conclude, reason)

    def _conclude(self, reason: str) -> None:
        failure = self._connection.failure
        if failure is None:
            failure = EndedError(reason, url=self.url, step="playing")
        elif isinstance(failure, ConnectionLostError):
            counters = [track.counters for track in self.publisher.tracks]
            if counters and self._was_said_goodbye(counters):
                failure = EndedError("the server said BYE", url=self.url, step="playing")
            else:
                failure = ConnectionLostError(failure.message, url=self.url, step="playing")
        self._note_end(failure)

    def _sent_away(self, reason: str) -> None:
        """Note that the mount does not want the publisher any more."""
        self._note_end(EndedError(reason, url=self.url, step="playing"))

    def _note_end(self, error: ClientError) -> None:
        if not self.ended.done():
            self.ended.set_result(error)


def _settle(arrival: asyncio.Future[None]) -> None:
    if not arrival.done():
        arrival.set_result(None)


def _announced_group(presentation: SessionDescription, track: int) -> tuple[str, int] | None:
    """Return the multicast group and port of RTP that the description names for a track."""
    media: MediaDescription = presentation.media[track]
    group = media.connection_address or presentation.connection_address
    return (group, media.port) if group and media.port else None
