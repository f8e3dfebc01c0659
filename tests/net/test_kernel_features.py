"""The probe answers on every platform, and what it claims works."""

from __future__ import annotations

import socket
import struct
import sys

import pytest

from headwater.net import kernel_features
from headwater.net.kernel_features import (
    SOL_UDP,
    UDP_SEGMENT,
    KernelFeatures,
    probe,
    receive_drops,
)


def test_probe_is_cached() -> None:
    assert probe() is probe()


def test_nothing_is_claimed_by_default() -> None:
    assert not any(getattr(KernelFeatures(), name) for name in KernelFeatures.__slots__)


def test_probe_elsewhere_than_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    features = probe.__wrapped__()
    assert not any([features.udp_segment, features.udp_gro, features.rxq_ovfl])


def test_probe_survives_a_kernel_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UDP_SEGMENT", "UDP_GRO", "SO_RXQ_OVFL", "SO_MEMINFO"):
        monkeypatch.setattr(kernel_features, name, 9_999)
    features = probe.__wrapped__()
    assert not any([features.udp_segment, features.udp_gro, features.rxq_ovfl])
    assert not features.meminfo_drops


@pytest.mark.skipif(not probe().udp_segment, reason="no UDP_SEGMENT here")
def test_segments_arrive_one_by_one() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        ancillary = [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", 4))]
        sender.sendmsg([b"aaaabbbbcc"], ancillary, 0, receiver.getsockname())
        assert [receiver.recv(100) for _ in range(3)] == [b"aaaa", b"bbbb", b"cc"]


@pytest.mark.skipif(not probe().meminfo_drops, reason="no SO_MEMINFO here")
def test_drops_at_a_full_buffer_are_counted() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        assert receive_drops(receiver) == 0
        for _ in range(50):
            sender.sendto(bytes(1_000), receiver.getsockname())
        kept = 0
        while True:
            try:
                receiver.recv(2_000)
            except BlockingIOError:
                break
            kept += 1
        assert kept < 50
        assert receive_drops(receiver) == 50 - kept


def test_drops_of_a_closed_socket_are_unknown() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.close()
    assert receive_drops(sock) is None
