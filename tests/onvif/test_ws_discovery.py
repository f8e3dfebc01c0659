"""Probes leave by the interfaces asked for; answers are taken from everybody alike."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from headwater.onvif import probe_message, ws_discovery
from headwater.onvif.probe_message import Announcement
from headwater.onvif.ws_discovery import MOST_OF_ONE, PORT, probe_host, probe_network
from headwater.testing.onvif_device import AnswerBody, NamePlate, Oddities, OnvifDevice

LOOPBACK = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "")
WAIT_S = 0.7
MATCHES = (
    b"<ProbeMatches>",
    b"<ProbeMatch><XAddrs>http://10.0.0.9/onvif/%d</XAddrs></ProbeMatch>",
    b"</ProbeMatches>",
)


@pytest.mark.parametrize("interfaces", [["127.0.0.1"], [LOOPBACK], []], ids=str)
async def test_devices_are_found(
    interfaces: list[str], free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if interfaces == [LOOPBACK] and not sys.platform.startswith("linux"):
        pytest.skip("interfaces by name need Linux for IPv4")
    # In place of all interfaces of this machine: no Probe of a test leaves it.
    monkeypatch.setattr(ws_discovery, "multicast_interfaces", lambda: ("203.0.113.7", "127.0.0.1"))
    shed = NamePlate(name="shed", model="M2", location="garden")
    async with (
        OnvifDevice(host="127.0.0.1", discovery_port=free_port) as first,
        OnvifDevice(host="127.0.0.2", discovery_port=free_port, plate=shed) as second,
    ):
        found = await probe_network(interfaces, wait_s=WAIT_S, port=free_port)
    by_host = {each.host: each for each in found}
    assert set(by_host) == {first.host, second.host}
    assert by_host[first.host].service_url == first.service_url
    one = by_host[second.host]
    assert (one.name, one.hardware, one.location) == ("shed", "M2", "garden")
    assert by_host[first.host].location == "north/wall"


async def test_two_probes_are_sent_and_both_leave_types_and_scopes_empty(free_port: int) -> None:
    async with OnvifDevice(discovery_port=free_port) as device:
        assert len(await probe_network(["127.0.0.1"], wait_s=WAIT_S, port=free_port)) == 1
        assert len(device.probes) == 2
    ids = set()
    for probe in device.probes:
        texts = {e.tag.rpartition("}")[2]: e.text for e in ElementTree.fromstring(probe).iter()}
        assert (texts["Types"], texts["Scopes"]) == (None, None)
        ids.add(texts["MessageID"])
    assert len(ids) == 2


async def test_the_usual_port_is_that_of_ws_discovery() -> None:
    assert PORT == 3702
    async with OnvifDevice(host="127.0.0.6", discovery_port=PORT) as device:
        found = await probe_network(["127.0.0.1"], wait_s=WAIT_S)
    assert device.service_url in {each.service_url for each in found}


async def test_what_answered_is_the_host_whatever_the_answer_says(free_port: int) -> None:
    odd = Oddities(told_host="192.168.1.10")
    async with OnvifDevice(host="127.0.0.7", discovery_port=free_port, odd=odd) as device:
        found = await probe_network(["127.0.0.1"], wait_s=WAIT_S, port=free_port)
    assert [each.service_url for each in found] == [device.service_url]


async def test_a_flood_of_answers_is_not_read_and_hides_nobody_else(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def announcements(answer: bytes, host: str) -> Iterator[Announcement]:
        read.append(host)
        return probe_message.announcements(answer, host)

    monkeypatch.setattr(ws_discovery, "announcements", announcements)
    async with (
        OnvifDevice(host="127.0.0.8", discovery_port=free_port, odd=Oddities(flood=60)) as flood,
        OnvifDevice(host="127.0.0.9", discovery_port=free_port) as quiet,
    ):
        found = await probe_network(["127.0.0.1"], wait_s=WAIT_S, port=free_port)
    hosts = [each.host for each in found]
    assert read.count(flood.host) == hosts.count(flood.host) == MOST_OF_ONE
    assert hosts.count(quiet.host) == 1


async def test_one_answer_with_many_devices_is_believed_for_some(free_port: int) -> None:
    begin, match, end = MATCHES
    many = b"".join(match % number for number in range(MOST_OF_ONE + 5))
    odd = Oddities(discovery_answers=(begin + many + end,))
    async with OnvifDevice(discovery_port=free_port, odd=odd):
        found = await probe_network(["127.0.0.1"], wait_s=WAIT_S, port=free_port)
    assert len(found) == MOST_OF_ONE


async def test_answers_that_are_none_are_passed_over(free_port: int) -> None:
    answers = (b"", b"\xff" * 2000, b"onvif <", b"<a>onvif</a>", b"onvif" * 10_000)
    odd = Oddities(discovery_answers=answers, body=AnswerBody.RIGHT)
    async with (
        OnvifDevice(host="127.0.0.8", discovery_port=free_port, odd=odd) as odd_one,
        OnvifDevice(host="127.0.0.9", discovery_port=free_port) as good,
    ):
        found = await probe_network(["127.0.0.1"], wait_s=WAIT_S, port=free_port)
        assert odd_one.probes
    assert [each.host for each in found] == [good.host]


async def test_one_host_is_asked_without_multicast(free_port: int) -> None:
    async with (
        OnvifDevice(host="127.0.0.8", discovery_port=free_port) as asked,
        OnvifDevice(host="127.0.0.9", discovery_port=free_port) as other,
    ):
        found = await probe_host(asked.host, wait_s=5, port=free_port)
        assert not other.probes
    assert [each.service_url for each in found] == [asked.service_url]


async def test_a_host_that_hears_no_probes_announces_nothing(free_port: int) -> None:
    assert await probe_host("127.0.0.1", wait_s=0.1, port=free_port) == []


@pytest.mark.parametrize("interface", ["no-such-card", "203.0.113.77"])
async def test_a_chosen_interface_must_be_there(interface: str) -> None:
    with pytest.raises(OSError, match=r"."):
        await probe_network([interface], wait_s=0.1)
