"""A mount of another node, which fills one here: RTSP over TCP, as any reader has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from headwater.client.errors import ClientError, RefusedError
from headwater.client.play_session import PlayRequest
from headwater.client.pull import Pull
from headwater.client.settings import ClientSettings, ClientTransport
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.cluster.leases import Tenure
from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.pulls import OnEnded
from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy
from headwater.media.mount import Mount
from headwater.media.publisher import Publisher
from headwater.media.tracks.track import Track
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.node_ask import NODE_HEADER, NodeAsk
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.status import Status
from headwater.relay.errors import SourceDown, SourceTooSlow
from headwater.relay.relay import Relay
from headwater.transports.ingest_publisher import IngestPublisher

logger = paced_logger(__name__)

_CONNECT_S = 3.0
_ANSWER_S = 5.0
_FETCH_S = 45.0
"""For the answer of a node that has to start a source first."""
_ABSENCES: dict[int, Callable[[str], Exception]] = {
    Status.BAD_GATEWAY: SourceDown,
    Status.GATEWAY_TIMEOUT: SourceTooSlow,
}


def client_settings(settings: ClusterSettings, *, waits: bool) -> ClientSettings:
    """Return how nodes speak to each other; `waits` for what has to be started there first."""
    return ClientSettings(
        transport=ClientTransport.TCP,
        username=settings.node_user,
        password=settings.node_password,
        # Nodes ask for nothing else: whoever does is none, and is not to learn the password.
        digest_only=True,
        ca_file=settings.ca_file,
        fingerprint=settings.fingerprint,
        connect_timeout_s=_CONNECT_S,
        answer_timeout_s=_FETCH_S if waits else _ANSWER_S,
        # One hop: whoever is asked has the mount, or says that it has not.
        max_redirects=0,
    )


class RtspPull:
    """One pull: the sink of the session that plays it, and what `Pulls` knows of it.

    The header that marks it tells the other node whose claim is meant, so that it neither waits nor
    goes further for what it has not.

    Attributes:
        tenure, mount, opened, began: see `Pulled`.
        done: the task that frees everything, which ends a little after the pull.
    """

    def __init__(
        self,
        relay: Relay,
        tenure: Tenure,
        url: str,
        own_name: str,
        settings: ClientSettings,
        around: Surroundings,
        on_ended: OnEnded,
        *,
        tried_before: bool = False,
    ) -> None:
        """`tried_before`: another one by the same claim was in vain, which has been told."""
        self._failure_level = logging.DEBUG if tried_before else logging.INFO
        self.tenure = tenure
        self.mount: Mount | None = None
        self.began = False
        self.opened: asyncio.Future[Mount | None] = relay.loop.beneath.create_future()
        self._relay = relay
        self._on_ended: Callable[[RtspPull, str], None] = on_ended
        self._publisher: IngestPublisher | None = None
        self._ended = False
        ask = NodeAsk(own_name, tenure.epoch)
        self._pull = Pull(
            Target.of(url, settings), settings, around, headers=[(NODE_HEADER, ask.to_value())]
        )
        self.done = relay.loop.beneath.create_task(self._run(), name=f"pull of {tenure.path}")

    def end(self, reason: str) -> None:
        """Pull no more; the mount waits out its grace or closes. A second call does nothing."""
        if self._ended:
            return
        self._ended = True
        if not self.opened.done():
            self.opened.set_result(None)
        self._leave_mount(reason)
        self._on_ended(self, reason)
        if self.done is not asyncio.current_task():
            self.done.cancel()

    def is_publisher(self, publisher: Publisher) -> bool:
        """Return whether a publisher is this pull's."""
        return publisher is self._publisher

    def begin(
        self, presentation: SessionDescription, publisher: IngestPublisher
    ) -> Sequence[Track]:
        """Take the mount, for the session that is about to play. Raises MountBusy."""
        path = self.tenure.path
        present = self._relay.mounts.get(path)
        if self._ended or (present is not None and present.publisher is not None):
            # Somebody began to publish here meanwhile: that goes before.
            raise MountBusy(f"{path} is not to be pulled any more")
        # Which sources are one track was judged where the publisher is.
        publisher.one_source = False
        self._publisher = publisher
        self.mount = self._relay.mounts.open(path, presentation, publisher)
        self.began = True
        return self.mount.tracks

    def _leave_mount(self, reason: str) -> None:
        mount, self.mount = self.mount, None
        if mount is not None and self._publisher is not None:
            self._publisher.stop()
            mount.publisher_left(self._publisher, reason)

    def _fail(self, error: Exception) -> None:
        absence = _ABSENCES.get(error.status) if isinstance(error, RefusedError) else None
        if absence is not None and not self.opened.done():
            self.opened.set_exception(absence(self.tenure.path))
            self.opened.exception()  # who asked may have left
        elif not self._ended:
            extra = {"mount": self.tenure.path, "peer": self.tenure.holder, "cause": str(error)}
            logger.log(self._failure_level, "a mount of another node did not come", extra=extra)

    async def _run(self) -> None:
        reason = "not wanted any more"
        try:
            session = await self._pull.start(_Sink(self), PlayRequest(at_once=True))
            if not self.opened.done():
                self.opened.set_result(self.mount)
            try:
                reason = (await session.ended).message
            finally:
                await session.close(reason)
        except (ClientError, MountBusy, ProtocolError) as error:
            reason = str(error)
            self._fail(error)
        finally:
            self._pull.close()
            self.end(reason)


class _Sink:
    """The pull as its session sees it, whose `end` has other arguments."""

    def __init__(self, pull: RtspPull) -> None:
        self._pull = pull

    def begin(
        self, presentation: SessionDescription, publisher: IngestPublisher
    ) -> Sequence[Track]:
        return self._pull.begin(presentation, publisher)

    def end(self, publisher: IngestPublisher, reason: str) -> None:  # noqa: ARG002 - one publisher
        self._pull.end(reason)
