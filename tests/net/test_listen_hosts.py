"""Hosts as people write them: names, addresses, and what is neither."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from headwater.net.errors import HostUnknownError
from headwater.net.listen_hosts import host_complaint, listen_hosts

NEITHER = "it is no IPv4 address, no IPv6 address and no host name"


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("", None),
        ("localhost", None),
        ("camera-server.example.org.", None),
        ("my_container", None),
        ("192.0.2.1", None),
        ("::1", None),
        ("fe80::1%eth0", None),
        ("*", "leave it empty to listen on every address"),
        ("127.0.0.1:8554", "write host 127.0.0.1 and publish_port 8554"),
        ("localhost:554", "write host localhost and publish_port 554"),
        ("[::1]:554", "write host ::1 and publish_port 554"),
        (":8554", "write an empty host and publish_port 8554"),
        ("[::1]", "write ::1, without brackets"),
        ("rtsp://localhost", "write a host alone, without scheme or path"),
        ("localhost/cam", "write a host alone, without scheme or path"),
        ("127.0.0.256", NEITHER),
        ("0", NEITHER),
        ("two words", NEITHER),
        ("-", NEITHER),
        ("a" * 64, NEITHER),
        (".".join(["a" * 60] * 5), NEITHER),
    ],
)
def test_what_may_be_a_host_and_what_to_write_instead(host: str, complaint: str | None) -> None:
    assert host_complaint(host) == complaint


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The names that the system knows, and their addresses."""
    names: dict[str, list[str]] = {}

    async def getaddrinfo(host: str, port: object, **_: Any) -> list[tuple[Any, ...]]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in names[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", staticmethod(getaddrinfo))
    return names


@pytest.mark.parametrize("host", ["", "192.0.2.1", "::1"])
async def test_addresses_stay_as_they_are(known: dict[str, list[str]], host: str) -> None:
    assert await listen_hosts(host) == (host,)
    assert known == {}


async def test_name_stands_for_each_of_its_addresses_once(known: dict[str, list[str]]) -> None:
    known["both"] = ["127.0.0.1", "127.0.0.2", "127.0.0.1"]
    assert await listen_hosts("both") == ("127.0.0.1", "127.0.0.2")


async def test_addresses_of_other_machines_are_left_out(known: dict[str, list[str]]) -> None:
    known["both"] = ["192.0.2.1", "127.0.0.1"]
    assert await listen_hosts("both") == ("127.0.0.1",)


async def test_name_of_another_machine_is_refused(known: dict[str, list[str]]) -> None:
    known["elsewhere"] = ["192.0.2.1"]
    with pytest.raises(HostUnknownError, match=r"'elsewhere' is 192\.0\.2\.1, no address of this"):
        await listen_hosts("elsewhere")


@pytest.mark.usefixtures("known")
async def test_unknown_name_is_refused() -> None:
    with pytest.raises(HostUnknownError, match="'nobody' is not known here"):
        await listen_hosts("nobody")
