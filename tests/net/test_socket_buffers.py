"""Buffers are set, read back, and a shortfall says which setting to raise."""

from __future__ import annotations

import socket
import sys

import pytest

from headwater.net import socket_buffers
from headwater.net.socket_buffers import BufferSize, set_receive_buffer, set_send_buffer


@pytest.mark.parametrize("set_buffer", [set_receive_buffer, set_send_buffer])
def test_small_buffers_are_given(set_buffer) -> None:  # type: ignore[no-untyped-def]
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
    set_buffer,  # type: ignore[no-untyped-def]
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
