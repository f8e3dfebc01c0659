"""One mount that is sent to one server, again and again, until it is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from headwater.client.back_off import MOST_S, BackOff
from headwater.client.errors import ClientError, EndedError
from headwater.client.forwarding.forward_end import ForwardEnd
from headwater.client.forwarding.order import ForwardOrder
from headwater.client.forwarding.snapshot import ForwardSnapshot, ForwardState
from headwater.client.push import push
from headwater.client.push_session import PushSession
from headwater.client.surroundings import Surroundings
from headwater.client.url_secrets import SecretMissing, without_secrets
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.readers.reader import Reader
from headwater.protocol.header.via import via_value
from headwater.relay.errors import LimitReached, ServerStopping
from headwater.relay.relay import Relay
from headwater.side import Side
from headwater.transports.session_reader import SessionReader

logger = paced_logger(__name__)

_TOLD_AGAIN_S = 600.0
"""How often the log tells of the same trouble while it lasts."""


class Forward:
    """Sends a mount to a server for as long as the mount lives, and comes back whenever it fails.

    The other server is a reader like any other: it has a queue of its own, and where it takes too
    little it loses whole stretches up to the next key frame.

    Attributes:
        order: what goes where.
        mount: the mount.
        task: its work; done once everything is freed.
    """

    def __init__(
        self,
        order: ForwardOrder,
        mount: Mount,
        relay: Relay,
        around: Surroundings,
        before: Sequence[asyncio.Task[None]] = (),
    ) -> None:
        """Begin, once the tasks of those `before` it are done, which end."""
        self.order = order
        self.mount = mount
        self._relay = relay
        self._around = around
        self._back_off = BackOff()
        self._state = ForwardState.CONNECTING
        self._since_s = relay.clock()
        self._next_try_s = 0.0
        self._tries = 0
        self._error = ""
        self._told = ("", 0.0)
        self._why_ends = ""
        self._reader: SessionReader | None = None
        self._end: ForwardEnd | None = None
        # What was sent and dropped on connections before.
        self._former = (0, 0, 0, 0)
        self.task = relay.loop.beneath.create_task(self._run(before))

    def stop(self, reason: str) -> None:
        """End it; its task is done when the other server was told. A second call does nothing."""
        if not self._why_ends:
            self._why_ends = reason
            self.task.cancel()

    def snapshot(self) -> ForwardSnapshot:
        """Return the forward as it is now."""
        sent_packets, sent_bytes, dropped_packets, dropped_bytes = self._counts()
        return ForwardSnapshot(
            path=self.order.path,
            url=self.order.shown_url,
            state=self._state,
            since_s=self._since_s,
            next_try_s=self._next_try_s,
            transport="" if self._end is None else self._end.transport,
            session="" if self._end is None else self._end.id,
            tries=self._tries,
            error=self._error,
            sent_packets=sent_packets,
            sent_bytes=sent_bytes,
            dropped_packets=dropped_packets,
            dropped_bytes=dropped_bytes,
        )

    async def _run(self, before: Sequence[asyncio.Task[None]]) -> None:
        try:
            if before:
                await asyncio.wait(before)
            while True:
                wait_s = await self._try_once()
                if not self.mount.open:
                    return
                self._next_try_s = self._relay.clock() + wait_s
                self._become(ForwardState.WAITING)
                await asyncio.sleep(wait_s)
                self._next_try_s = 0.0
        except asyncio.CancelledError:
            if not self._why_ends:
                raise

    async def _try_once(self) -> float:
        """Have the server record until that ends; return how long to wait before the next try."""
        self._become(ForwardState.CONNECTING)
        self._tries += 1
        began_s = self._relay.clock()
        may_pass = True
        session: PushSession | None = None
        secrets: tuple[str, ...] = ()
        try:
            self._relay.require_room(Side.PLAY, "", "")
            target, secrets = self.order.opened()
            session = await push(
                target,
                self.order.settings,
                self._around,
                self.mount,
                on_reader=self._take_in,
                announce_headers=[("Via", self._via())],
            )
            began_s = self._relay.clock()
            self._begun(session)
            await asyncio.wait([session.ended])
            self._note(session.ended.result(), secrets)
        except ClientError as error:
            may_pass = error.may_pass
            self._note(error, secrets)
        except (SecretMissing, ValueError) as error:
            may_pass = False
            self._note(EndedError(str(error), url=self.order.shown_url, step="reading the URL"))
        except (LimitReached, ServerStopping) as error:
            self._note(EndedError(str(error), url=self.order.shown_url, step="reading the mount"))
        except Exception:
            logger.exception("a forward failed", extra=self._fields())
            self._error = "this server failed; its log says how"
        finally:
            ran_s = 0.0 if session is None else self._relay.clock() - began_s
            self._let_go()
            if session is not None:
                await session.close(self._why_ends or "ended")
        # With wrong credentials, say: a server may lock out who insists.
        wait_s = self._back_off.next_s(ran_s)
        return wait_s if may_pass else max(wait_s, MOST_S / 2)

    def _via(self) -> str:
        relay = self._relay
        return via_value((*relay.passed(self.mount), relay.id))

    def _take_in(self, reader: SessionReader) -> None:
        """Have a reader of one try known to the relay, before the mount knows it."""
        self._let_go()
        end = ForwardEnd(
            self.mount,
            reader,
            self._relay.clock(),
            lambda: reader.identity.on_close("ended by the server"),
            secure=self.order.target.is_secure,
        )
        # A source that is fetched on demand does not go on for its sake.
        reader.keeps_source = False
        self._relay.open(end)
        self._reader, self._end = reader, end

    def _let_go(self) -> None:
        """End the reader of a try, and keep what it counted."""
        end, self._end = self._end, None
        if end is not None:
            self._former = self._counts()
            self._reader = None
            self._relay.close(end, self._why_ends or self._error or "ended")

    def _counts(self) -> tuple[int, int, int, int]:
        reader: Reader | None = self._reader
        if reader is None:
            return self._former
        packets, size_bytes, dropped_packets, dropped_bytes = self._former
        return (
            packets + reader.sent_packets,
            size_bytes + reader.sent_bytes,
            dropped_packets + reader.dropped_packets,
            dropped_bytes + reader.dropped_bytes,
        )

    def _begun(self, session: PushSession) -> None:
        self._error = ""
        self._told = ("", 0.0)
        self._become(ForwardState.SENDING)
        logger.info("mount is forwarded", extra={**self._fields(), "transport": session.kind.value})

    def _note(self, error: ClientError, secrets: Sequence[str] = ()) -> None:
        self._error = without_secrets(f"{error.step}: {error.message}", secrets)
        if not self.mount.open:
            return
        now = self._relay.clock()
        told, told_s = self._told
        if self._error != told or now - told_s >= _TOLD_AGAIN_S:
            self._told = (self._error, now)
            logger.warning(
                "mount is not forwarded; the server tries again",
                extra={**self._fields(), "cause": self._error},
            )

    def _become(self, state: ForwardState) -> None:
        self._state = state
        self._since_s = self._relay.clock()

    def _fields(self) -> dict[str, object]:
        return {"mount": self.order.path, "url": self.order.shown_url}
