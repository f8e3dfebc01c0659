"""Even/odd UDP port pairs for RTP and RTCP, taken from one range (RFC 3550 section 11)."""

from __future__ import annotations

import errno
import socket
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from headwater.log_pace import paced_logger
from headwater.net.descriptor_reserve import NO_DESCRIPTOR
from headwater.net.socket_address import Address, family_of, socket_address

_log = paced_logger(__name__)

_NO_LIMIT: Final = 1 << 16
# Each takes two system calls.
_MOST_TRIED: Final = 256
# A port that another program holds, or that the system keeps from us: the next pair may do.
_BUSY: Final = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})


class DescriptorsExhausted(OSError):  # noqa: N818 - named after the state it reports
    """The process may open no further socket; the message says what to raise."""


class PortsExhausted(OSError):  # noqa: N818 - named after the state it reports
    """No free port pair in the range; the message says which setting to raise."""


class PortShareExhausted(PortsExhausted):
    """One holder has as many pairs as one may have; the message says which setting to raise."""


class UdpPair:
    """Two bound, non-blocking UDP sockets on an even port and the odd one above it."""

    __slots__ = ("_give_back", "rtcp", "rtcp_port", "rtp", "rtp_port")

    def __init__(
        self,
        rtp: socket.socket,
        rtcp: socket.socket,
        rtp_port: int,
        give_back: Callable[[int], None],
    ) -> None:
        self.rtp = rtp
        self.rtcp = rtcp
        self.rtp_port = rtp_port
        self.rtcp_port = rtp_port + 1
        self._give_back: Callable[[int], None] | None = give_back

    def connect(self, rtp_peer: Address, rtcp_peer: Address) -> None:
        """Let the kernel drop datagrams from everyone but these two addresses.

        Raises OSError when an address cannot be reached from this socket's own.
        """
        self.rtp.connect(rtp_peer)
        self.rtcp.connect(rtcp_peer)

    def close(self) -> None:
        """Close both sockets and return the ports; a second call does nothing.

        Readers and writers that use the sockets must be closed before.
        """
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            self.rtp.close()
            self.rtcp.close()
            give_back(self.rtp_port)


class PortPairPool:
    """Hands out port pairs of the range `start` to `start + count - 1`.

    An odd `start` is rounded up, an odd port left over at the end is not used. Pairs are taken in
    turn round the range, so a returned pair rests before its next use and packets that still
    travel for the old session rarely meet a new one.

    No holder gets more than `most_per_holder` pairs at a time, so that nobody takes all.

    Raises ValueError when the range holds no pair or leaves 1 to 65535.
    """

    def __init__(self, start: int, count: int, most_per_holder: int = _NO_LIMIT) -> None:
        if not (1 <= start <= 65535 and count >= 2 and start + count - 1 <= 65535):
            raise ValueError(
                f"UDP port range starts at {start} with {count} ports, "
                "allowed is at least 2 ports within 1 to 65535"
            )
        first = start + start % 2
        last = start + count - 1
        self._range = range(first, last, 2)
        if not self._range:
            raise ValueError(
                f"UDP port range {start} to {last} holds no even port with the odd one above it"
            )
        self._free = deque(self._range)
        # By port of RTP: who holds it.
        self._taken: dict[int, str] = {}
        self._by_holder: Counter[str] = Counter()
        self._most_per_holder = most_per_holder
        self.start: int = first
        self.pair_count: int = len(self._range)
        self.busy_skips: int = 0

    @property
    def available(self) -> int:
        """Pairs not handed out; other programs may hold some of them."""
        return len(self._free)

    @property
    def in_use(self) -> int:
        """Pairs handed out and not yet returned."""
        return len(self._taken)

    def move(self, start: int, count: int, most_per_holder: int = _NO_LIMIT) -> None:
        """Hand out pairs of another range from now on; who holds a pair keeps it.

        Raises ValueError, and changes nothing, for a range that the class does not take.
        """
        other = PortPairPool(start, count, most_per_holder)
        self._most_per_holder = most_per_holder
        if other._range == self._range:
            return
        self._range, self.start, self.pair_count = other._range, other.start, other.pair_count
        self._free = deque(port for port in self._range if port not in self._taken)

    def bind_pair(self, host: str, *, holder: str = "") -> UdpPair:
        """Bind the next free pair on a numeric host (`0.0.0.0` or `::` for every address).

        Pairs that another program holds are skipped, so many at a time as take a few
        milliseconds; the next call goes on behind them. An IPv6 pair serves IPv6 only. Raises
        PortsExhausted when none is left, PortShareExhausted when the holder has its share,
        DescriptorsExhausted when no socket can be opened, OSError when the host is not one of
        this machine.
        """
        if self._by_holder[holder] >= self._most_per_holder:
            raise PortShareExhausted(
                errno.EADDRINUSE,
                f"{holder} holds {self._most_per_holder} UDP port pairs, the most that one address "
                "may; raise rtp_pairs_per_address",
            )
        family = family_of(host)
        for _ in range(min(len(self._free), _MOST_TRIED)):
            # Only a pair that is bound leaves the row.
            port = self._free[0]
            opened: list[socket.socket] = []
            try:
                opened.append(_bound(family, host, port))
                opened.append(_bound(family, host, port + 1))
                pair = UdpPair(opened[0], opened[1], port, self._give_back)
            except BaseException as error:
                for sock in opened:
                    sock.close()
                if not isinstance(error, OSError):
                    raise
                self._skip(error)
                continue
            self._free.popleft()
            self._taken[port] = holder
            self._by_holder[holder] += 1
            return pair
        raise PortsExhausted(
            errno.EADDRINUSE,
            f"no free UDP port pair in {self.start} to {self.start + 2 * self.pair_count - 1}: "
            f"{self.in_use} of {self.pair_count} pairs in use here, the others busy elsewhere; "
            "raise rtp_port_count or move rtp_port_start",
        )

    def _skip(self, error: OSError) -> None:
        """Go on with the next pair after one that is busy; raise where no pair can be had."""
        if error.errno not in _BUSY:
            if error.errno in NO_DESCRIPTOR:
                raise DescriptorsExhausted(
                    error.errno,
                    "no descriptor is left for a UDP port pair; raise the limit of open files "
                    "(`ulimit -n`, systemd's LimitNOFILE) or lower the limits of connections",
                ) from error
            raise error
        port = self._free.popleft()
        self._free.append(port)
        self.busy_skips += 1
        _log.debug("UDP port pair busy", extra={"port": port, "cause": str(error)})

    def _give_back(self, port: int) -> None:
        holder = self._taken.pop(port, None)
        if holder is not None:
            self._by_holder[holder] -= 1
            if not self._by_holder[holder]:
                del self._by_holder[holder]
        if port in self._range:
            self._free.append(port)


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(socket_address(host, port))
    except BaseException:
        sock.close()
        raise
    return sock
