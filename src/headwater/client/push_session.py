"""One connection on which a server records what a mount has: ANNOUNCE, SETUP, RECORD."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from headwater.client.connection import ClientConnection
from headwater.client.errors import (
    ClientError,
    ConnectionLostError,
    EndedError,
    RefusedError,
    StepTimeoutError,
    TransportError,
)
from headwater.client.opening import follow
from headwater.client.quirks import LEAST_KEEP_ALIVE_S, PLAY_RANGE, track_uri
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.log_pace import paced_logger
from headwater.media.clock import Timer
from headwater.media.errors import MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.net.socket_address import address_text
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.sdp_relay import reader_control
from headwater.protocol.status import Status
from headwater.relay.relay import new_end_id
from headwater.shown_text import shown
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)

_TEARDOWN_S = 2.0


class PushSession:
    """A mount's reader that sends it on to a server, which records it.

    The server is a reader like any other: one that takes too little loses whole stretches up to
    the next key frame, and nobody waits for it. Life: `start`, then until `ended`; `close` once.

    Attributes:
        kind: how media goes.
        target: where it goes, after redirects.
        reader: the mount's reader; None before it was made.
        ended: done, with the reason as an error, once nothing more is sent.
    """

    def __init__(
        self,
        target: Target,
        kind: TransportKind,
        settings: ClientSettings,
        around: Surroundings,
        mount: Mount,
        *,
        on_reader: Callable[[SessionReader], None] = lambda _: None,
        announce_headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.target = target
        self.kind = kind
        self.reader: SessionReader | None = None
        self.ended: asyncio.Future[ClientError] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._around = around
        self._mount = mount
        self._on_reader = on_reader
        self._announce_headers = announce_headers
        self._connection: ClientConnection | None = None
        self._timer: Timer | None = None
        # Of the last keep-alive: what had been received when it was sent, and when that was.
        self._asked_at_bytes: int | None = None
        self._asked_s = 0.0
        self._answers_keep_alive = False
        self._closed = False

    async def start(self) -> None:
        """Have the server record, and return when it does. Raises ClientError."""
        self.target, connection, _ = await follow(
            self.target, self._settings, self._around, Method.ANNOUNCE, self._announce
        )
        self._connection = connection
        connection.on_ended = self._connection_ended
        reader = self.reader = self._reader(connection)
        self._on_reader(reader)
        try:
            self._mount.add_reader(reader)
        except (MountClosed, MountFull) as error:
            raise EndedError(str(error), url=self.target.url, step="reading the mount") from error
        tracks = self._mount.tracks
        for track in tracks:
            await self._set_up_track(connection, reader, track.index)
        await connection.ask_for_success(
            Method.RECORD,
            self.target.url,
            [("Range", PLAY_RANGE)],
            within_s=self._settings.answer_timeout_s,
        )
        if self.ended.done():
            raise self.ended.result()
        self._mount.start_reader(reader, self._mount.plan_start([track.index for track in tracks]))
        self._keep_alive_later(connection)

    async def close(self, reason: str = "left") -> None:
        """End the session with TEARDOWN and free everything; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connection, reader = self._connection, self.reader
        if reader is not None:
            self._mount.remove_reader(reader, reason)
            reader.release()
        self._note_end(EndedError(reason, url=self.target.url, step="recording"))
        if connection is None:
            return
        connection.on_ended = None
        try:
            if connection.failure is None and connection.dialogue.session is not None:
                await connection.ask(Method.TEARDOWN, self.target.url, within_s=_TEARDOWN_S)
        except ClientError as error:
            extra = {"url": self.target.url, "cause": error.message}
            logger.debug("TEARDOWN not answered", extra=extra)
        finally:
            connection.close()

    async def _announce(self, place: Target, connection: ClientConnection) -> Response:
        local_ip = connection.stream.local_address[0].partition("%")[0]
        return await connection.ask(
            Method.ANNOUNCE,
            place.url,
            [("Content-Type", "application/sdp"), *self._announce_headers],
            self._mount.presentation.relayed(address=local_ip),
            within_s=self._settings.answer_timeout_s,
        )

    def _reader(self, connection: ClientConnection) -> SessionReader:
        stream = connection.stream
        peer_ip = stream.peer_address[0]
        identity = SessionIdentity(
            id=new_end_id(),
            peer=address_text(stream.peer_address),
            peer_ip=peer_ip,
            address_block="",
            local_ip=stream.local_address[0],
            user_agent=self._settings.user_agent,
            on_close=self._sent_away,
            on_life=lambda: None,
        )
        return self._around.transports.reader(
            self.kind, identity, stream, connection.channels, self._mount
        )

    async def _set_up_track(
        self, connection: ClientConnection, reader: SessionReader, index: int
    ) -> None:
        step = f"SETUP of track {index} ({self.kind})"
        url = self.target.url
        transports, track = self._around.transports, self._mount.tracks[index]
        try:
            offer = transports.sending_offer(reader, index, track)
        except (ProtocolError, OSError) as error:
            raise TransportError(shown(str(error)), url=url, step=step) from error
        try:
            response = await connection.ask(
                Method.SETUP,
                track_uri(self.target.uri, reader_control(index)),
                [("Transport", offer.header)],
                within_s=self._settings.answer_timeout_s,
                step=step,
            )
            if response.status == Status.UNSUPPORTED_TRANSPORT:
                raise TransportError("answered 461 Unsupported Transport", url=url, step=step)
            if response.status // 100 != 2:
                raise RefusedError.of(response, url=url, step=step)
            offer.accept(response.headers.get("Transport"))
        except ProtocolError as error:
            raise TransportError(shown(str(error)), url=url, step=step) from error
        except BaseException:
            offer.withdraw()
            raise

    def _keep_alive_later(self, connection: ClientConnection) -> None:
        half_s = connection.dialogue.session_timeout_s / 2
        delay_s = max(LEAST_KEEP_ALIVE_S, min(half_s, self._settings.keep_alive_s))
        self._timer = self._around.loop.call_later(delay_s, self._keep_alive, connection)

    def _keep_alive(self, connection: ClientConnection) -> None:
        trouble = self._silence(connection)
        if trouble:
            connection.fail(StepTimeoutError(trouble, url=self.target.url, step="recording"))
            return
        self._asked_s = self._around.loop.time()
        self._asked_at_bytes = connection.stream.bytes_received
        connection.tell(connection.dialogue.keep_alive_method, self.target.url)
        self._keep_alive_later(connection)

    def _silence(self, connection: ClientConnection) -> str:
        """Return how the server shows that it is gone; "" where it does not.

        Nobody tells a sender that its datagrams arrive nowhere, and the kernel tells only after a
        quarter of an hour that nobody takes what is written. A server that has never answered what
        keeps a session alive is not held to it.
        """
        stream, now = connection.stream, self._around.loop.time()
        most_s = self._settings.answer_timeout_s
        if (stuck_s := stream.oldest_queued_s(now)) > most_s:
            return f"the server has taken nothing for {stuck_s:.0f} s"
        if self._asked_at_bytes is None:
            return ""
        if stream.bytes_received > self._asked_at_bytes:
            self._answers_keep_alive = True
        elif self._answers_keep_alive and (unanswered_s := now - self._asked_s) > most_s:
            return f"the server has not answered for {unanswered_s:.0f} s"
        return ""

    def _connection_ended(self, reason: str) -> None:
        failure = None if self._connection is None else self._connection.failure
        if failure is None:
            failure = EndedError(reason, url=self.target.url, step="recording")
        elif isinstance(failure, ConnectionLostError):
            failure = ConnectionLostError(failure.message, url=self.target.url, step="recording")
        self._note_end(failure)

    def _sent_away(self, reason: str) -> None:
        self._note_end(EndedError(reason, url=self.target.url, step="recording"))

    def _note_end(self, error: ClientError) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
