"""A peer that misbehaves on purpose, and holds the server to its answers."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast

from fuzz.live.manners import Manner, Reading

STATUS_LINE = re.compile(rb"(RTSP/1\.0|HTTP/1\.1) ([1-5][0-9]{2}) [ -~]+")
HEADER_LINE = re.compile(rb"([A-Za-z-]+): ([^\x00-\x1f\x7f]*)")
SERVER_PORTS = re.compile(rb"client_port=(\d+)-\d+.*server_port=(\d+)-(\d+)")
ALLOWED_5XX = frozenset({501, 503, 505, 551})
"""What a server may say of itself: no such method, busy, no such version, no such option."""
MOST_SESSIONS = 64
MOST_PUBLISHED = 6
SIP_BYTES = 100
"""What a peer that trickles takes in a round: far less than its answers are."""
_DOLLAR = 0x24


@dataclass(slots=True)
class Shared:
    """What all peers know together.

    Attributes:
        sessions: ids that the server gave to any of them, the latest last.
        udp: (the client's port, the server's RTP port, RTCP port) of sessions over UDP.
        published: URLs of mounts that began lately.
        findings: what must not be.
        waiting: how many answers and ends are still to come.
    """

    sessions: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_SESSIONS))
    udp: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=MOST_SESSIONS))
    published: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_PUBLISHED))
    findings: list[str] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    frames: int = 0
    waiting: int = 0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def wait_more(self, count: int) -> None:
        """Count answers that are to come (or, below 0, that came)."""
        self.waiting += count
        if self.waiting == 0:
            self.quiet.set()
        else:
            self.quiet.clear()


class Peer(asyncio.Protocol):
    """One connection: what was asked on it, and what is expected."""

    def __init__(self, name: str, shared: Shared, manner: Manner = Manner()) -> None:  # noqa: B008
        self.name = name
        self.shared = shared
        self.manner = manner
        self.transport: asyncio.Transport | None = None
        self.cseq = 0
        self.session = ""
        self.plan: list[str] = []
        self.url = ""
        self.tracks = 0
        self.ending = False
        # Who takes too little is closed some day, with whatever was asked.
        self.may_be_closed = not self.is_waited_for
        self._buffer = b""
        self._asked: deque[tuple[int | None, str, bool]] = deque()

    @property
    def open(self) -> bool:
        """Whether more can be sent."""
        return self.transport is not None and not self.ending

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def hold_back(self) -> None:
        """Read nothing by itself, if that is its manner; uvloop listens to it once it runs."""
        if self.transport is not None and not self.is_waited_for:
            self.transport.pause_reading()

    @property
    def is_waited_for(self) -> bool:
        """Whether its answers come soon: it reads whatever there is."""
        return self.manner.reading is Reading.ALL

    @property
    def asks(self) -> bool:
        """Whether a request of its plan is not answered yet."""
        return any(planned for _, _, planned in self._asked)

    @property
    def asked(self) -> list[str]:
        """What is not answered yet."""
        return [what for _, what, _ in self._asked]

    def ask(self, cseq: int | None, what: str, *, planned: bool = False) -> None:
        """Expect one more answer, to `what`; a refusal of what was planned ends the plan."""
        if self.manner.reading is Reading.NOTHING:
            return
        self._asked.append((cseq, what, planned))
        self._wait_more(1)

    def end(self) -> None:
        """Send no more and expect the server to close; who does not read up to there is gone."""
        if not self.is_waited_for:
            self.abort()
        elif self.open:
            assert self.transport is not None
            self.ending = True
            self.shared.wait_more(1)
            self.transport.write_eof()

    def go_deaf(self) -> None:
        """Read nothing more and expect nothing, but stay."""
        if self.open and self.is_waited_for:
            assert self.transport is not None
            self.transport.pause_reading()
            self.may_be_closed = True
            self._expect_nothing()

    def sip(self) -> None:
        """Take a little of what the server sent."""
        if self.transport is None or self.manner.reading is not Reading.TRICKLE:
            return
        try:
            sock: socket.socket = self.transport.get_extra_info("socket")
            taken = os.read(sock.fileno(), SIP_BYTES)
        except BlockingIOError:
            return
        except OSError:
            taken = b""
        if taken:
            self.data_received(taken)
        else:
            self.abort()

    def abort(self) -> None:
        """Be gone at once."""
        if self.transport is not None:
            self.transport.abort()
            self._gone()

    def data_received(self, data: bytes) -> None:
        """Take answers and frames."""
        if self.transport is None:
            return
        buffer = self._buffer + data if self._buffer else data
        at, size = 0, len(buffer)
        while at < size:
            if buffer[at] == _DOLLAR:
                if size - at < 4:
                    break
                end = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if end > size:
                    break
                self.shared.frames += 1
                at = end
                continue
            head_end = buffer.find(b"\r\n\r\n", at)
            if head_end < 0:
                break
            after = self._answer(buffer, at, head_end)
            if after is None:
                break
            at = after
        self._buffer = buffer[at:]

    def eof_received(self) -> bool:
        """The server closed in order."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over: was that right?"""
        if self.transport is None:
            return
        # A server may end a connection whose session it ended, also one that came by its id from
        # another connection; else every request has an answer.
        if self._asked and not self.may_be_closed and not self.ending:
            self._find(f"closed with {len(self._asked)} requests unanswered: {self.asked}")
        self._gone()

    def _gone(self) -> None:
        self._expect_nothing()
        self.transport = None

    def _expect_nothing(self) -> None:
        self._wait_more(-len(self._asked) - self.ending)
        self._asked.clear()
        self.ending = False

    def _wait_more(self, count: int) -> None:
        if self.is_waited_for:
            self.shared.wait_more(count)

    def _answer(self, buffer: bytes, at: int, head_end: int) -> int | None:
        """Check one answer; where the next thing begins, None when its body is not whole."""
        line, *headers = buffer[at:head_end].split(b"\r\n")
        status = STATUS_LINE.fullmatch(line)
        fields: dict[bytes, bytes] = {}
        for header in headers:
            match = HEADER_LINE.fullmatch(header)
            if match is None:
                self._find(f"header line {header!r}")
                continue
            fields[match[1].lower()] = match[2]
        length = fields.get(b"content-length", b"0")
        end = head_end + 4 + int(length)
        if end > len(buffer):
            return None
        if status is None:
            self._find(f"status line {line!r}")
            return end
        if status[1] != b"RTSP/1.0" and self._asked:
            self._find(f"answered in HTTP what was asked in RTSP: {self.asked[:3]}")
        self._check(int(status[2]), fields)
        return end

    def _check(self, status: int, fields: dict[bytes, bytes]) -> None:
        got = fields.get(b"cseq")
        if not self._asked:
            if not self.ending:
                self._find(f"{status} to nothing that was asked")
            return
        cseq, what, planned = self._asked[0]
        behind = " behind PROXY" if self.manner.is_of_other_family else ""
        self.shared.answers[what + behind, status] += 1
        if status >= 500 and status not in ALLOWED_5XX:
            self._find(f"{status} to {what}")
        if got != (None if cseq is None else b"%d" % cseq):
            self._find(f"CSeq {got!r} where {cseq} was asked by {what}")
        self._asked.popleft()
        self._wait_more(-1)
        session = fields.get(b"session", b"").partition(b";")[0].decode()
        if session and session != self.session:
            self.session = session
            self.may_be_closed = True
            self.shared.sessions.append(session)
        if status == 200 and what == "TEARDOWN":
            self.session = ""
        if status == 200 and what == "RECORD" and self.url:
            self.shared.published.append(self.url)
        transport = fields.get(b"transport", b"")
        if self.manner.is_of_other_family and b"client_port" in transport:
            self._find(f"{what} gave UDP to an address that it does not reach: {transport!r}")
        if ports := SERVER_PORTS.search(transport):
            self.shared.udp.append((int(ports[1]), int(ports[2]), int(ports[3])))
        if status >= 300 and planned:
            self.plan = []

    def _find(self, what: str) -> None:
        self.shared.findings.append(f"{self.name}: {what}")
