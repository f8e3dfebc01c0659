"""Port pairs are even and odd, never shared, skipped when busy, and always come back."""

from __future__ import annotations

import contextlib
import errno
import random
import socket

import pytest

from headwater.net import port_pairs
from headwater.net.kernel_features import probe
from headwater.net.port_pairs import PortPairPool, PortsExhausted, PortShareExhausted


def free_range(pairs: int) -> int:
    """Return an even port that begins a range of free pairs on 127.0.0.1."""
    # Anywhere below the ports that systems hand out, so that tests side by side do not meet.
    for _ in range(1_000):
        start = 2 * random.randrange(10_000, 16_000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(start, start + 2 * pairs):
                sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sock.bind(("127.0.0.1", port))
            return start
    raise AssertionError("no free range")


@pytest.mark.parametrize(
    ("start", "count", "first", "pairs"),
    [
        (10_000, 10, 10_000, 5),
        (10_001, 10, 10_002, 4),
        (10_001, 11, 10_002, 5),
        (10_000, 3, 10_000, 1),
        (65_534, 2, 65_534, 1),
        (1, 65_535, 2, 32_767),
    ],
)
def test_range(start: int, count: int, first: int, pairs: int) -> None:
    pool = PortPairPool(start, count)
    assert (pool.start, pool.pair_count, pool.available, pool.in_use) == (first, pairs, pairs, 0)


@pytest.mark.parametrize(
    ("start", "count"), [(0, 10), (10_000, 1), (10_001, 2), (65_530, 7), (-2, 4), (10_000, 0)]
)
def test_range_without_a_pair(start: int, count: int) -> None:
    with pytest.raises(ValueError, match="UDP port range"):
        PortPairPool(start, count)


def test_pair_is_bound_even_and_odd_and_does_not_block() -> None:
    start = free_range(1)
    pair = PortPairPool(start, 2).bind_pair("127.0.0.1")
    try:
        assert (pair.rtp_port, pair.rtcp_port) == (start, start + 1)
        assert pair.rtp.getsockname() == ("127.0.0.1", start)
        assert pair.rtcp.getsockname() == ("127.0.0.1", start + 1)
        with pytest.raises(BlockingIOError):
            pair.rtp.recv(10)
    finally:
        pair.close()


@pytest.mark.skipif(not probe().ipv6, reason="no IPv6 here")
def test_pair_on_ipv6() -> None:
    pool = PortPairPool(free_range(2), 4)
    pair = pool.bind_pair("::1")
    try:
        assert pair.rtp.getsockname()[:2] == ("::1", pair.rtp_port)
    finally:
        pair.close()


def test_exhausted_then_returned() -> None:
    pool = PortPairPool(free_range(2), 4)
    first, second = pool.bind_pair("127.0.0.1"), pool.bind_pair("127.0.0.1")
    assert (pool.available, pool.in_use) == (0, 2)
    with pytest.raises(PortsExhausted, match=r"2 of 2 pairs in use here.*raise rtp_port_count"):
        pool.bind_pair("127.0.0.1")
    first.close()
    first.close()
    assert (pool.available, pool.in_use) == (1, 1)
    third = pool.bind_pair("127.0.0.1")
    assert third.rtp_port == first.rtp_port
    third.close()
    second.close()
    assert (pool.available, pool.in_use) == (2, 0)


@pytest.mark.parametrize("offset", [0, 1])
def test_busy_pair_is_skipped(offset: int) -> None:
    start = free_range(2)
    pool = PortPairPool(start, 4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", start + offset))
        pair = pool.bind_pair("127.0.0.1")
        assert pair.rtp_port == start + 2
        assert pool.busy_skips == 1
        with pytest.raises(PortsExhausted, match="1 of 2 pairs in use here"):
            pool.bind_pair("127.0.0.1")
    again = pool.bind_pair("127.0.0.1")
    assert again.rtp_port == start
    again.close()
    pair.close()


def test_nobody_holds_more_than_a_share() -> None:
    pool = PortPairPool(free_range(4), 8, most_per_holder=2)
    held = [pool.bind_pair("127.0.0.1", holder="192.0.2.1") for _ in range(2)]
    with pytest.raises(PortShareExhausted, match=r"192\.0\.2\.1 holds 2 .*rtp_pairs_per_address"):
        pool.bind_pair("127.0.0.1", holder="192.0.2.1")
    held.append(pool.bind_pair("127.0.0.1", holder="192.0.2.2"))
    held.pop(0).close()
    held.append(pool.bind_pair("127.0.0.1", holder="192.0.2.1"))
    for pair in held:
        pair.close()
    assert (pool.available, pool.in_use) == (4, 0)


def test_a_range_that_others_hold_is_searched_a_stretch_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(port_pairs, "_MOST_TRIED", 2)
    start = free_range(3)
    pool = PortPairPool(start, 6)
    with contextlib.ExitStack() as others:
        for port in (start, start + 2):
            sock = others.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("127.0.0.1", port))
        with pytest.raises(PortsExhausted):
            pool.bind_pair("127.0.0.1")
        assert pool.busy_skips == 2
        with contextlib.closing(pool.bind_pair("127.0.0.1")) as pair:
            assert pair.rtp_port == start + 4


def test_returned_pair_rests() -> None:
    pool = PortPairPool(free_range(3), 6)
    first = pool.bind_pair("127.0.0.1")
    first.close()
    second = pool.bind_pair("127.0.0.1")
    assert second.rtp_port != first.rtp_port
    second.close()


def test_host_of_another_machine_is_not_taken_for_a_busy_port() -> None:
    pool = PortPairPool(free_range(2), 4)
    with pytest.raises(OSError, match="assign") as raised:
        pool.bind_pair("192.0.2.77")
    assert raised.value.errno == errno.EADDRNOTAVAIL
    assert (pool.available, pool.in_use) == (2, 0)


def test_connected_pair_hears_its_peer_only() -> None:
    pool = PortPairPool(free_range(1), 2)
    pair = pool.bind_pair("127.0.0.1")
    with (
        contextlib.closing(pair),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        peer.bind(("127.0.0.1", 0))
        pair.connect(peer.getsockname(), ("127.0.0.1", 9))
        stranger.sendto(b"stranger", ("127.0.0.1", pair.rtp_port))
        peer.sendto(b"peer", ("127.0.0.1", pair.rtp_port))
        assert pair.rtp.recv(100) == b"peer"
        with pytest.raises(BlockingIOError):
            pair.rtp.recv(100)


def test_a_moved_range_hands_out_its_own_pairs_and_takes_none_back_of_the_old_one() -> None:
    start = free_range(6)
    pool = PortPairPool(start, 4)
    old, kept = pool.bind_pair("127.0.0.1"), pool.bind_pair("127.0.0.1")
    pool.move(start + 2, 6)
    # The pair that both ranges have is not handed out twice.
    assert (pool.start, pool.pair_count, pool.available, pool.in_use) == (start + 2, 3, 2, 2)
    new = [pool.bind_pair("127.0.0.1") for _ in range(2)]
    assert [pair.rtp_port for pair in new] == [start + 4, start + 6]
    with pytest.raises(PortsExhausted):
        pool.bind_pair("127.0.0.1")
    old.close()
    assert (pool.available, pool.in_use) == (0, 3)
    kept.close()
    assert pool.available == 1
    for pair in new:
        pair.close()


def test_a_range_without_a_pair_is_refused_and_nothing_moves() -> None:
    start = free_range(2)
    pool = PortPairPool(start, 4)
    with pytest.raises(ValueError, match="holds no even port"):
        pool.move(start + 1, 2)
    pool.move(start, 4, 1)
    assert (pool.start, pool.available) == (start, 2)
    pair = pool.bind_pair("127.0.0.1", holder="a")
    with pytest.raises(PortShareExhausted):
        pool.bind_pair("127.0.0.1", holder="a")
    pair.close()
