"""The RTSP wire of a server's or a client's connection: bytes to messages and `$` frames."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial

from headwater.net.stream import ByteStream
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.interleaved import DOLLAR
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.rtp import cut_run
from headwater.protocol.wire_limits import WireLimits
from headwater.transports.begun_work import begin
from headwater.transports.interleaved.channels import ChannelConsumer
from headwater.transports.work_turns import WorkTurns

_WORK_PER_TURN = 8
"""Messages, or runs of `$` frames, of one connection before all others get their turn."""

WireEvent = Request | Response | InterleavedFrames | ProtocolError


class WireConnection(ABC):
    """One TCP connection that carries RTSP messages and interleaved media.

    Messages are dealt with one after another, in the order they came. `$` frames go straight to
    their channel's consumer, unless a message before them is still being dealt with: then they
    wait behind it, since a publisher may send media in the same segment as its RECORD.

    What waits stays unread: in the parser as far as it came with one read, else with the peer. In
    one turn of the loop a bounded amount of work is done, however much has come.

    Attributes:
        stream: the byte stream below; `attach` sets it before anything is received.
        attached: whether it has its stream.
        channels: who takes the packets of each interleaved channel.
        closed: whether the connection is gone.
        message_began_s: since when the rest of a message is awaited; None while none is.
    """

    # Thousands of connections are there at once, and one with a dict of so many attributes takes
    # 1.4 kB more.
    __slots__ = (
        "_busy",
        "_clock",
        "_closes_when_idle",
        "_ending",
        "_message_offset",
        "_parser",
        "_paused",
        "_turn",
        "_turns",
        "_worker",
        "attached",
        "channels",
        "closed",
        "message_began_s",
        "stream",
    )

    stream: ByteStream

    def __init__(
        self, limits: WireLimits, clock: Callable[[], float], turns: WorkTurns | None = None
    ) -> None:
        """`turns` holds back what comes on very many connections at once."""
        self.channels: dict[int, ChannelConsumer] = {}
        self.attached = False
        self.closed = False
        self.message_began_s: float | None = None
        self._clock = clock
        self._message_offset = 0
        self._parser = WireParser(limits=limits, channels=self.channels)
        self._turns = turns
        # What waits for its turn; None while nothing does.
        self._turn: Callable[[], None] | None = None
        # Whether something is being dealt with, or waits for its turn to be.
        self._busy = False
        self._paused = False
        # Does what has to wait for something; None while nothing does.
        self._worker: asyncio.Task[None] | None = None
        self._ending = False
        self._closes_when_idle = False

    @abstractmethod
    def _deal_with(self, message: Request | Response | ProtocolError) -> Awaitable[None]:
        """Do what one message asks for."""

    def _cost_of(self, message: Request | Response | ProtocolError) -> int:  # noqa: ARG002 - all alike here
        """Return how much work that was."""
        return 1

    def _is_known(self, turns: WorkTurns) -> bool:  # noqa: ARG002 - only a server's take turns
        """Return whether it goes before peers that have just come, where its work has to wait."""
        return False

    @abstractmethod
    def _work_failed(self, error: Exception) -> None:
        """Log what a message's work raised, and close."""

    @abstractmethod
    def _lost(self, error: Exception | None) -> None:
        """Let go of what ran on the connection, which is gone."""

    @abstractmethod
    def _unknown_channel(self, packet_count: int) -> None:
        """Count packets on a channel that nobody listens to."""

    def attach(self, stream: ByteStream) -> None:
        """Give the connection its byte stream."""
        self.stream = stream
        self.attached = True

    def stream_data(self, data: bytes) -> None:
        """Take bytes off the wire."""
        if self._ending or self.closed:
            return
        turns = self._turns
        if not self._busy:
            if data[0] == DOLLAR:
                if self._take_frames(data):
                    return
            elif turns is None or not turns.full:
                request = self._parser.whole_request(data)
                if request is not None:
                    self.message_began_s = None
                    self._busy = True
                    if turns is not None:
                        turns.may_begin()
                    self._worker = begin(self._work(request))
                    return
        self._take(data)

    def _take_frames(self, data: bytes) -> bool:
        """Take frames of one channel, as most reads are where media comes in; tell if it is so."""
        parser = self._parser
        found = parser.whole_run(data)
        if found is not None:
            run, size_bytes = found
            consumer = self.channels.get(data[1])
            if consumer is None:
                self._unknown_channel(len(cut_run(run, size_bytes)))
            elif consumer.take_run is None:
                consumer.take(cut_run(run, size_bytes), data)
            else:
                consumer.take_run(run, size_bytes, data)
            return True
        led = parser.leading_frames(data)
        if led is None:
            return False
        channel, packets = led
        whole = parser.at_rest
        consumer = self.channels.get(channel)
        if consumer is None:
            self._unknown_channel(len(packets))
        else:
            consumer.take(packets, data if whole else None)
        if not whole:
            self._go_on()
        return True

    def _take(self, data: bytes) -> None:
        """Take what is nothing of that, or comes behind something."""
        parser, turns = self._parser, self._turns
        # Reading a request can wait for its turn; media of a publisher must not.
        waits = (
            turns is not None
            and turns.full
            and data[0] != DOLLAR
            and (parser.at_rest or not parser.partial)
        )
        parser.receive_data(data)
        if self._busy:
            self._pause_reading()
            return
        if turns is not None and waits:
            self._busy = True
            self._wait_for_turn(turns, None)
            return
        self._go_on()

    def _go_on(self) -> None:
        """Deal with what is in the parser, or begin to."""
        parser, turns = self._parser, self._turns
        for _ in range(_WORK_PER_TURN):
            try:
                event: WireEvent | None = parser.next_event()
            except ProtocolError as error:
                event = error
            if isinstance(event, InterleavedFrames):
                self._deliver(event)
            elif event is None:
                if parser.partial:
                    self._note_unfinished()
                else:
                    self.message_began_s = None
                return
            else:
                break
        else:
            event = None
        self.message_began_s = None
        self._busy = True
        if turns is None or turns.may_begin():
            self._worker = begin(self._work(event, 0 if event is not None else _WORK_PER_TURN))
        else:
            self._wait_for_turn(turns, event)

    def _wait_for_turn(self, turns: WorkTurns, event: WireEvent | None) -> None:
        self._turn = turn = partial(self._begin, event)
        turns.wait(turn, known=self._is_known(turns))

    def _begin(self, event: WireEvent | None) -> None:
        """Deal with an event (none: the next one), now that the connection's turn has come."""
        self._turn = None
        if not self.closed:
            self._worker = begin(self._work(event, 0))

    def _pause_reading(self) -> None:
        """Read nothing more before all that came is dealt with."""
        self._paused = True
        self.stream.pause_reading()

    @abstractmethod
    def stream_drained(self) -> None:
        """Note that the peer took everything that was queued."""

    def stream_closed(self, error: Exception | None) -> None:
        """Note that the connection is gone, and let go of what ran on it."""
        if self.closed:
            return
        self.closed = True
        if self._turn is not None and self._turns is not None:
            self._turns.forget(self._turn)
            self._turn = None
        if self._worker is not None:
            self._worker.cancel()
        self._lost(error)

    def stream_ended(self) -> bool:
        """Note that the peer sends no more: deal with what it said, then close."""
        if not self._busy:
            return False
        self._closes_when_idle = True
        return True

    def close(self) -> None:
        """Close once everything queued has left, or the stream's deadline has passed."""
        self._ending = True
        if self.attached:
            self.stream.close()

    def abort(self) -> None:
        """Close at once."""
        self._ending = True
        if self.attached:
            self.stream.abort()

    def _deliver(self, frames: InterleavedFrames) -> None:
        channels = self.channels
        for channel, packets in frames.by_channel.items():
            consumer = channels.get(channel)
            if consumer is None:
                self._unknown_channel(len(packets))
            else:
                consumer.take(packets, None)

    def _next_event(self) -> WireEvent | None:
        try:
            return self._parser.next_event()
        except ProtocolError as error:
            return error

    def _note_unfinished(self) -> None:
        """Note since when the rest of a message is awaited, if so: there is a deadline for it."""
        if not self._parser.partial:
            return
        offset = self._parser.offset
        if self.message_began_s is None or offset != self._message_offset:
            self._message_offset = offset
            self.message_began_s = self._clock()

    async def _work(self, event: WireEvent | None, work: int = 0) -> None:
        """Do what one event asks for (none: the next one), then all that are there behind it.

        `work` is what was done for this connection in this turn of the loop.
        """
        parser = self._parser
        try:
            while True:
                if event is None:
                    if work >= _WORK_PER_TURN:
                        work = 0
                        await asyncio.sleep(0)
                    event = self._next_event()
                if self.closed or self._ending:
                    return
                match event:
                    case None:
                        self._note_unfinished()
                        return
                    case InterleavedFrames():
                        self._deliver(event)
                        work += 1
                    case _:
                        await self._deal_with(event)
                        if parser.at_rest:
                            return
                        work += self._cost_of(event)
                if not parser.partial:
                    return
                event = None
        except Exception as error:  # noqa: BLE001 - logged there
            self._work_failed(error)
        finally:
            self._worker = None
            self._busy = False
            if self._closes_when_idle:
                self.close()
            elif self._paused and not self.closed and not self._ending:
                self._paused = False
                self.stream.resume_reading()
