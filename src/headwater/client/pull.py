"""Having a server play into a sink, by whichever transport leads here."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.client.describing import Described, describe
from headwater.client.errors import ClientError, SilentError, TransportError
from headwater.client.play_session import PlayRequest, PlaySession, Sink
from headwater.client.quirks import nat_is_between
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.client.transport_memory import TransportMemory
from headwater.log_pace import paced_logger
from headwater.protocol.sdp import SessionDescription
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)


class Pull:
    """A server's presentation that is to be played, here or in a mount of a relay.

    `start` may be called again once the session before is closed: each time on a new connection.

        pull = Pull(Target.of(url, settings), settings, around, TransportMemory())
        session = await pull.start(sink, PlayRequest())
        error = await session.ended
        await session.close()

    Attributes:
        target: where it goes.
    """

    def __init__(
        self,
        target: Target,
        settings: ClientSettings,
        around: Surroundings,
        memory: TransportMemory | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`headers` are told with DESCRIBE, beside those that every client has."""
        self.target = target
        self._headers = headers
        self._settings = settings
        self._around = around
        self._memory = TransportMemory() if memory is None else memory
        # What was described and not set up yet.
        self._described: Described | None = None

    async def describe(self) -> SessionDescription:
        """Return what the server has at the URL; the next `start` goes on from there.

        Raises ClientError.
        """
        self.close()
        self._described = await self._describe()
        return self._described.presentation

    @property
    def via(self) -> tuple[str, ...]:
        """The servers, or their mounts, that came before what is described and not started yet."""
        return () if self._described is None else self._described.via

    async def start(self, sink: Sink, request: PlayRequest) -> PlaySession:
        """Have the server play, and return when it does.

        Raises ClientError, and has given everything back then.
        """
        kinds: Sequence[TransportKind] | None = None
        tried = 0
        while True:
            described = await self._take_described()
            if kinds is None:
                kinds = self._kinds(described)
            kind, is_last = kinds[tried], tried + 1 == len(kinds)
            tried += 1
            session = PlaySession(described, kind, self._settings, self._around)
            silence_s = (
                self._settings.silence_timeout_s if is_last else self._settings.udp_silence_s
            )
            try:
                await session.set_up(described.chosen(request.tracks))
                await session.play(sink, request, silence_s=silence_s)
            except (TransportError, SilentError) as error:
                await session.close(error.message)
                if is_last:
                    self._memory.forget(self.target.url)
                    raise
                self._log_next(error, kinds[tried])
            except BaseException:
                await session.close("not begun")
                raise
            else:
                self._memory.note(self.target.url, kind)
                return session

    def close(self) -> None:
        """Close the connection of a description that was not played."""
        described, self._described = self._described, None
        if described is not None:
            described.connection.close()

    async def _describe(self) -> Described:
        return await describe(self.target, self._settings, self._around, self._headers)

    async def _take_described(self) -> Described:
        described, self._described = self._described, None
        if described is None or described.connection.failure is not None:
            described = await self._describe()
        return described

    def _kinds(self, described: Described) -> Sequence[TransportKind]:
        """Return the transports to try, the likeliest first.

        Each on a connection of its own: cameras that have set up something on one set up nothing
        else there (gortsplib).
        """
        chosen = self._settings.transport.kind
        if chosen is not None:
            return (chosen,)
        if described.target.is_secure:
            return (TransportKind.TCP,)
        stream = described.connection.stream
        kinds = [TransportKind.UDP, TransportKind.TCP]
        remembered = self._memory.get(self.target.url)
        if remembered is TransportKind.TCP or (
            remembered is None and nat_is_between(stream.local_address[0], stream.peer_address[0])
        ):
            kinds.reverse()
        return kinds

    def _log_next(self, error: ClientError, kind: TransportKind) -> None:
        logger.info(
            "another transport is tried",
            extra={"url": self.target.label, "transport": kind.value, "cause": error.message},
        )
