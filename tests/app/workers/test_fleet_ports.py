"""The ports that a supervisor holds for its workers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fleet_rig import settings_of
from own_ports import free_port

from headwater.app.workers.fleet_ports import FleetPorts
from headwater.cluster.settings import Accepting
from headwater.config.settings import Settings
from headwater.net.settings import TlsSettings


def ports_of(settings: Settings) -> FleetPorts:
    loop: Any = asyncio.get_running_loop()
    return FleetPorts(settings, loop, lambda *_: None)


@pytest.fixture
def held() -> Iterator[list[FleetPorts]]:
    held: list[FleetPorts] = []
    yield held
    for ports in held:
        ports.release()


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def with_http(settings: Settings, port: int | None, **http: Any) -> Settings:
    return replace(settings, http=replace(settings.http, port=port, **http))


async def test_urls_name_the_ports_that_were_picked(held: list[FleetPorts]) -> None:
    ports = ports_of(settings := with_http(settings_of(), 0))
    held.append(ports)
    await ports.hold(settings)
    assert ports.publish == ports.play != ports.http
    assert ports.publish_url("/cam") == f"rtsp://127.0.0.1:{ports.publish}/cam"
    assert ports.play_url("/cam") == f"rtsp://127.0.0.1:{ports.play}/cam"
    assert ports.http_url("/cam") == f"http://127.0.0.1:{ports.http}/cam"
    resolved = ports.resolved(settings)
    assert (resolved.server.publish_port, resolved.server.play_port) == (ports.publish, None)
    assert resolved.http.port == ports.http
    # Another start would pick another port, and not find the file.
    assert settings.api.sources_file
    assert not resolved.api.sources_file


async def test_urls_of_a_server_with_tls_alone(held: list[FleetPorts]) -> None:
    tls = TlsSettings(certificate="certificate.pem", key="key.pem")
    settings = with_http(settings_of(tls, tls_only=True, rtsps_port=free_port()), 0, tls_only=True)
    ports = ports_of(settings)
    held.append(ports)
    await ports.hold(settings)
    assert ports.publish_url("/cam").startswith("rtsps://")
    assert ports.http_url("/cam").startswith("https://")


async def test_no_port_for_browsers_is_no_url(held: list[FleetPorts]) -> None:
    ports = ports_of(settings := settings_of())
    held.append(ports)
    await ports.hold(settings)
    assert ports.http is None
    assert ports.http_url("/cam") == ""


@pytest.mark.parametrize("accepting", [Accepting.KERNEL, Accepting.SUPERVISOR])
async def test_what_was_held_for_settings_that_do_not_come_is_free_again(
    held: list[FleetPorts], accepting: Accepting
) -> None:
    settings = settings_of()
    settings = replace(settings, workers=replace(settings.workers, accepting=accepting))
    ports = ports_of(settings)
    held.append(ports)
    await ports.hold(settings)
    before = ports.by_name
    other = free_port()
    wanted = replace(settings, server=replace(settings.server, publish_port=other))
    await ports.hold(wanted)
    assert ports.publish == other
    ports.go_back(before)
    assert ports.by_name == before
    assert is_free(other)
    assert not is_free(ports.publish)
    await ports.hold(wanted)
    ports.go_by(wanted)
    assert is_free(before["publish_port"])


async def test_a_port_that_is_taken_holds_no_other(held: list[FleetPorts]) -> None:
    ports = ports_of(settings := settings_of())
    held.append(ports)
    await ports.hold(settings)
    before, other = ports.by_name, free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = replace(settings.server, publish_port=other)
        wanted = with_http(replace(settings, server=server), taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await ports.hold(wanted)
    assert ports.by_name == before
    assert is_free(other)
