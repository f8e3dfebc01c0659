"""A peer that misbehaves on purpose, and holds the server to its answers."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast

STATUS_LINE = re.compile(rb"RTSP/1\.0 ([1-5][0-9]{2}) [ -~]+")
HEADER_LINE = re.compile(rb"([A-Za-z-]+): ([^\x00-\x1f\x7f]*)")
SERVER_PORTS = re.compile(rb"client_port=(\d+)-\d+.*server_port=(\d+)-(\d+)")
ALLOWED_5XX = frozenset({501, 503, 505, 551})
"""What a server may say of itself: no such method, busy, no such version, no such option."""
MOST_SESSIONS = 64
MOST_PUBLISHED = 6
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

    def __init__(self, name: str, shared: Shared) -> None:
        self.name = name
        self.shared = shared
        self.transport: asyncio.Transport | None = None
        self.cseq = 0
        self.session = ""
        self.plan: list[str] = []
        self.url = ""
        self.tracks = 0
        self.ending = False
        self.may_be_closed = False
        self._buffer = b""
        self._asked: deque[tuple[int | None, str, bool]] = deque()

    @property
    def open(self) -> bool:
        """Whether more can be sent."""
        return self.transport is not None and not self.ending

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self.transport = cast("asyncio.Transport", transport)

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
        self._asked.append((cseq, what, planned))
        self.shared.wait_more(1)

    def end(self) -> None:
        """Send no more and expect the server to close."""
        if self.open:
            assert self.transport is not None
            self.ending = True
            self.shared.wait_more(1)
            self.transport.write_eof()

    def expect_end(self) -> None:
        """What was sent is no RTSP: the server closes by itself."""
        if self.open:
            self.ending = True
            self.shared.wait_more(1)

    def go_deaf(self) -> None:
        """Read nothing more and expect nothing, but stay."""
        if self.open:
            assert self.transport is not None
            self.transport.pause_reading()
            self.may_be_closed = True
            self._expect_nothing()

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
        self.shared.wait_more(-len(self._asked) - self.ending)
        self._asked.clear()
        self.ending = False

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
        self._check(int(status[1]), fields)
        return end

    def _check(self, status: int, fields: dict[bytes, bytes]) -> None:
        got = fields.get(b"cseq")
        if not self._asked:
            if not self.ending:
                self._find(f"{status} to nothing that was asked")
            return
        cseq, what, planned = self._asked[0]
        self.shared.answers[what, status] += 1
        if status >= 500 and status not in ALLOWED_5XX:
            self._find(f"{status} to {what}")
        if got != (None if cseq is None else b"%d" % cseq):
            self._find(f"CSeq {got!r} where {cseq} was asked by {what}")
        self._asked.popleft()
        self.shared.wait_more(-1)
        session = fields.get(b"session", b"").partition(b";")[0].decode()
        if session and session != self.session:
            self.session = session
            self.may_be_closed = True
            self.shared.sessions.append(session)
        if status == 200 and what == "TEARDOWN":
            self.session = ""
        if status == 200 and what == "RECORD" and self.url:
            self.shared.published.append(self.url)
        if ports := SERVER_PORTS.search(fields.get(b"transport", b"")):
            self.shared.udp.append((int(ports[1]), int(ports[2]), int(ports[3])))
        if status >= 300 and planned:
            self.plan = []

    def _find(self, what: str) -> None:
        self.shared.findings.append(f"{self.name}: {what}")
