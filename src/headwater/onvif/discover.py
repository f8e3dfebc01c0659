"""Find the ONVIF devices of a network, and ask them for their streams."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from headwater.onvif.device_conversation import ask_device
from headwater.onvif.found_device import OnvifDevice, OnvifState
from headwater.onvif.login import Login
from headwater.onvif.probe_message import Announcement
from headwater.onvif.reached_url import announced_service, host_told
from headwater.onvif.ws_discovery import PORT, probe_host, probe_network

WAIT_S: Final = 3.0
CALL_TIMEOUT_S: Final = 5.0
ADDRESS_TIMEOUT_S: Final = 30.0
"""How long all devices of one address may take to tell their streams."""
_ADDRESSES_AT_ONCE: Final = 64
_SERVICE_PATH: Final = "/onvif/device_service"
_PACKAGES: Final = ("httpx", "defusedxml")


async def discover(
    target: str = "",
    *,
    interfaces: Sequence[str] = (),
    user: str = "",
    password: str = "",
    wait_s: float = WAIT_S,
    call_timeout_s: float = CALL_TIMEOUT_S,
    discovery_port: int = PORT,
) -> list[OnvifDevice]:
    """Return the ONVIF devices of the network with their streams, ordered by address.

    Needs the extra `onvif`. The password itself is sent to no device: a UsernameToken or HTTP
    Digest proves it. But every device that answers gets such a proof, and can try to guess a weak
    password from it: name a `target` in a network that you do not trust.

    Args:
        target: ask this one only, without multicast: a host, `host:port` (of HTTP), or the URL of
            its device service. Empty asks the network.
        interfaces: by which interfaces to ask, each by IPv4 address or name; none means all.
        user: the name of a user of the devices; empty asks for what they tell to anybody.
        password: the user's password.
        wait_s: seconds to collect answers to the Probes.
        call_timeout_s: seconds that a device has for each answer; it has 30 for all of them.
        discovery_port: the UDP port of WS-Discovery.

    Returns:
        All that were found. One that did not tell its streams is among them; its `state` and
        `problem` say why.

    Raises:
        ImportError: the extra `onvif` is not installed.
        ValueError: the target is neither a host nor a URL, or a time is not above 0.
        OSError: a chosen interface does not exist or cannot send, or the target's name is not
            known.
    """
    _check_packages()
    for name, seconds in (("wait_s", wait_s), ("call_timeout_s", call_timeout_s)):
        if not seconds > 0:
            raise ValueError(f"{name} is {seconds}; it must be above 0")
    ask = _Asking(Login(user, password) if user else None, call_timeout_s)
    if not target:
        return await ask.all(await probe_network(interfaces, wait_s=wait_s, port=discovery_port))
    named = _named(target)
    if target.lower() == named.host:
        answered = await probe_host(named.host, wait_s=wait_s, port=discovery_port)
        if answered:
            return await ask.all(answered)
    # Nothing was heard of it yet: silent, it is not found.
    return [each for each in await ask.all([named]) if each.state is not OnvifState.SILENT]


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks devices for their streams: those of one address in turn, and all addresses at once."""

    login: Login | None
    call_timeout_s: float

    async def all(self, announced: Iterable[Announcement]) -> list[OnvifDevice]:
        by_host: dict[str, list[Announcement]] = {}
        for each in announced:
            by_host.setdefault(each.host, []).append(each)
        turns = asyncio.Semaphore(_ADDRESSES_AT_ONCE)

        async def in_turn(devices: list[Announcement]) -> list[OnvifDevice]:
            async with turns:
                return await self._address(devices)

        told = await asyncio.gather(*map(in_turn, by_host.values()))
        return sorted((each for devices in told for each in devices), key=_order)

    async def _address(self, devices: list[Announcement]) -> list[OnvifDevice]:
        # One deadline for all: who announces many devices holds nobody up for longer.
        deadline = asyncio.get_running_loop().time() + ADDRESS_TIMEOUT_S
        return [
            await ask_device(
                each, self.login, deadline=deadline, call_timeout_s=self.call_timeout_s
            )
            for each in devices
        ]


def _named(target: str) -> Announcement:
    """Return the device that a target names, at the usual path where it names none."""
    url = target
    if "://" not in target:
        is_ipv6 = target.count(":") > 1 and not target.startswith("[")
        url = f"http://[{target}]" if is_ipv6 else f"http://{target}"
    service = announced_service(url, host_told(url))
    if service is None:
        raise ValueError(f"{target!r} is neither a host nor the http:// URL of a device service")
    if urlsplit(service).path == "/":
        service = service.removesuffix("/") + _SERVICE_PATH
    return Announcement(host=host_told(url), service_url=service)


def _order(device: OnvifDevice) -> tuple[bool, int, str]:
    """Order by address as a number; host names come after addresses."""
    try:
        return (False, int(ipaddress.ip_address(device.host)), device.service_url)
    except ValueError:
        return (True, 0, device.service_url)


def _check_packages() -> None:
    for name in _PACKAGES:
        if find_spec(name) is None:
            raise ImportError(
                f"headwater.discover needs {name}: install the extra `onvif`", name=name
            )
