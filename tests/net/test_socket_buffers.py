"""Buffers are set, read back, and a shortfall says which setting to raise."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

import pytest

from headwater.net import socket_buffers
from headwater.net.socket_buffers import (
    BufferSize,
    bound_unsent,
    set_receive_buffer,
    set_send_buffer,
)

SetBuffer = Callable[[socket.socket, int], BufferSize]


@pytest.mark.parametrize("set_buffer", [set_receive_buffer, set_send_buffer])
def test_small_buffers_are_given(set_buffer: SetBuffer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        size = set_buffer(sock, 65_536)
        assert size.given_bytes >= size.asked_bytes == 65_536
        assert size.shortfall is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux limits")
@pytest.mark.parametrize(
    ("set_buffer", "sysctl", "option"),
    [
        (set_receive_buffer, "net.core.rmem_max", socket.SO_RCVBUF),
        (set_send_buffer, "net.core.wmem_max", socket.SO_SNDBUF),
    ],
)
def test_shortfall_names_the_sysctl(
    monkeypatch: pytest.MonkeyPatch,
    set_buffer: SetBuffer,
    sysctl: str,
    option: int,
) -> None:
    # An option that does nothing stands for a process without CAP_NET_ADMIN.
    monkeypatch.setattr(socket_buffers, "_SO_SNDBUFFORCE", 9_999)
    monkeypatch.setattr(socket_buffers, "_SO_RCVBUFFORCE", 9_999)
    asked = 1 << 30
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        size = set_buffer(sock, asked)
        assert size.given_bytes == sock.getsockopt(socket.SOL_SOCKET, option) // 2 < asked
        assert size.shortfall is not None
        assert f"sysctl -w {sysctl}={asked}" in size.shortfall
        assert str(size.given_bytes) in size.shortfall


def test_elsewhere_sizes_are_told_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        size = set_receive_buffer(sock, 65_536)
        assert size.given_bytes == sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert BufferSize("send buffer", 10, 5, size.limit).shortfall == (
        "the kernel gives 5 bytes of send buffer where 10 were asked; "
        "raise it with: sysctl -w kern.ipc.maxsockbuf=131072"
    )


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="no such option here")
def test_kernel_takes_little_more_than_it_may_hold_unsent() -> None:
    taken = []
    for most_bytes in (None, 65_536):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            # The window of who does not read is full at once.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            with socket.create_connection(listener.getsockname()) as sock, listener.accept()[0]:
                sock.setblocking(False)
                if most_bytes is not None:
                    assert bound_unsent(sock, most_bytes)
                count = 0
                try:
                    while True:
                        count += sock.send(bytes(10_000))
                except BlockingIOError:
                    taken.append(count)
    free, bounded = taken
    assert bounded < 200_000 < free


def test_systems_without_the_option_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        monkeypatch.setattr(socket, "TCP_NOTSENT_LOWAT", 9_999, raising=False)
        assert not bound_unsent(sock, 65_536)
        monkeypatch.delattr(socket, "TCP_NOTSENT_LOWAT")
        assert not bound_unsent(sock, 65_536)
