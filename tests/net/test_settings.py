"""Settings outside their bounds are refused by name, value and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.net.settings import ClientCertificates, SocketSettings, TlsSettings


def test_defaults_are_allowed() -> None:
    assert SocketSettings().read_bytes == 65_536
    assert not TlsSettings().enabled
    assert TlsSettings(certificate="server.pem").enabled


@pytest.mark.parametrize(
    ("field", "value", "minimum"),
    [
        ("udp_receive_buffer_bytes", 4_095, 4_096),
        ("udp_send_buffer_bytes", 0, 4_096),
        ("tcp_send_buffer_bytes", -1, 0),
        ("tcp_unsent_bytes", -1, 0),
        ("udp_pending_bytes", -1, 0),
        ("udp_pending_age_s", -0.1, 0.0),
        ("udp_packets_per_wake", 0, 1),
        ("read_bytes", 1_023, 1_024),
        ("reads_per_wake", 0, 1),
        ("close_deadline_s", -1, 0.0),
        ("descriptor_limit", -1, 0),
    ],
)
def test_bounds_of_sockets(field: str, value: float, minimum: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}, allowed is {minimum} or more"):
        SocketSettings(**{field: value})  # type: ignore[arg-type]
    SocketSettings(**{field: minimum})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"handshake_deadline_s": 0}, "handshake_deadline_s is 0, allowed is more than 0"),
        ({"key": "k.pem"}, "key is 'k.pem', allowed only together with certificate"),
        (
            {"certificate": "c.pem", "client_certificates": ClientCertificates.REQUIRED},
            "client_certificates is 'required', allowed only together with client_ca",
        ),
    ],
)
def test_bounds_of_tls(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TlsSettings(**options)
