"""Bounds of the server's settings, told by name, value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headwater.relay.limit_settings import LimitSettings
from headwater.server.settings import ServerSettings, SessionSettings
from headwater.transports.settings import RtpSettings, TransportKind


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (ServerSettings, "publish_port", -1),
        (ServerSettings, "play_port", 65536),
        (ServerSettings, "rtsps_port", 8554),
        (ServerSettings, "proxy_protocol_from", ("everyone",)),
        (ServerSettings, "backlog", 0),
        (ServerSettings, "drain_s", -1.0),
        (SessionSettings, "timeout_s", 0.0),
        (SessionSettings, "advertised_margin_s", -0.1),
        (LimitSettings, "connections", 0),
        (LimitSettings, "request_timeout_s", 0.0),
        (LimitSettings, "publisher_bits_per_s", -1.0),
        (LimitSettings, "publisher_packets_per_s", -1.0),
        (RtpSettings, "rtp_port_start", 0),
        (RtpSettings, "rtp_port_count", 1),
        (RtpSettings, "publish_transports", (TransportKind.MULTICAST,)),
        (RtpSettings, "receiver_report_interval_s", 0.0),
    ],
)
def test_out_of_bounds_is_named(kind: Callable[..., object], field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        kind(**{field: value})


def test_proxy_networks_are_addresses_or_networks() -> None:
    settings = ServerSettings(proxy_protocol_from=("10.0.0.5", "fd00::/8"))
    assert [str(one) for one in settings.proxy_networks()] == ["10.0.0.5/32", "fd00::/8"]
