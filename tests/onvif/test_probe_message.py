"""Which answers to a Probe announce an ONVIF device, and where."""

from __future__ import annotations

import pytest

from headwater.onvif.probe_message import MOST_ANSWER_BYTES, announcements
from headwater.testing.onvif_device.discovery import probe_match

HOST = "192.0.2.20"


def match(xaddrs: str, scopes: str = "onvif://www.onvif.org/type/video") -> bytes:
    return probe_match(message_id="m", endpoint="urn:uuid:1", scopes=scopes, xaddrs=xaddrs)


@pytest.mark.parametrize(
    ("xaddrs", "url"),
    [
        (f"http://{HOST}/onvif/device_service", f"http://{HOST}/onvif/device_service"),
        ("http://192.168.1.10:8080/onvif/x", f"http://{HOST}:8080/onvif/x"),
        ("http://0.0.0.0/onvif", f"http://{HOST}/onvif"),
        ("http://[fe80::1]/onvif", f"http://{HOST}/onvif"),
        ("https://192.168.1.10/onvif", f"https://{HOST}/onvif"),
        # What is at the address that answered comes before the others.
        (f"http://10.0.0.9/a http://{HOST}:81/b", f"http://{HOST}:81/b"),
        ("http://10.0.0.8/a http://10.0.0.9/b", f"http://{HOST}/a"),
        ("ftp://10.0.0.8/a http://10.0.0.9/b", f"http://{HOST}/b"),
        ("http://user:pw@10.0.0.9/a", f"http://{HOST}/a"),
        ("gopher://10.0.0.9/", None),
        ("http://:0/", None),
        ("", None),
    ],
)
def test_where_a_device_is(xaddrs: str, url: str | None) -> None:
    found = [each.service_url for each in announcements(match(xaddrs), HOST)]
    assert found == ([url] if url else [])


def test_an_address_of_ipv6_is_written_as_urls_have_it() -> None:
    (found,) = announcements(match("http://192.168.1.10:80/onvif"), "fd00::5")
    assert found.service_url == "http://[fd00::5]:80/onvif"


def test_scopes_name_the_device() -> None:
    scopes = (
        "onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/name/second "
        "ONVIF://www.onvif.org/hardware/DS-1 onvif://www.onvif.org/location/a%0Ab"
    )
    (found,) = announcements(match("http://10.0.0.9/onvif", scopes), HOST)
    assert (found.name, found.hardware, found.location) == ("Front door", "DS-1", "a\\nb")


@pytest.mark.parametrize(
    "answer",
    [
        # A printer.
        match("http://10.0.0.9/").replace(b"onvif", b"print"),
        match("http://10.0.0.9/onvif")[:-1],
        match("http://10.0.0.9/onvif") + b" " * MOST_ANSWER_BYTES,
        (
            b"<!DOCTYPE a [<!ENTITY e 'onvif'>]>"
            b"<a><ProbeMatch><XAddrs>http://10.0.0.9/&e;</XAddrs></ProbeMatch></a>"
        ),
        b'<?xml version="1.0" encoding="no-such"?><onvif/>',
        b"",
    ],
)
def test_what_announces_none(answer: bytes) -> None:
    assert list(announcements(answer, HOST)) == []
