"""Messages of WS-Discovery (April 2005), as ONVIF Core §7 uses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from headwater.onvif.bounded_xml import every, parsed, text
from headwater.onvif.reached_url import announced_service, host_told
from headwater.shown_text import shown

MOST_ANSWER_BYTES = 16_384
_SCOPE = "onvif://www.onvif.org/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """A device that answered a Probe, or that was named by its URL."""

    host: str
    service_url: str
    name: str = ""
    hardware: str = ""
    location: str = ""


def probe(message_id: str) -> bytes:
    """Return a Probe. Types and Scopes are empty: some devices answer no other."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
        f"<a:MessageID>urn:uuid:{message_id}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        "</s:Header><s:Body><d:Probe><d:Types/><d:Scopes/></d:Probe></s:Body></s:Envelope>"
    ).encode()


def announcements(answer: bytes, host: str) -> Iterator[Announcement]:
    """Yield the ONVIF devices that an answer from `host` announces.

    To a Probe without types printers and computers answer too: they do not speak of ONVIF.
    """
    if len(answer) > MOST_ANSWER_BYTES or b"onvif" not in answer.lower():
        return
    for match in every(parsed(answer), "ProbeMatch"):
        urls = sorted(
            text(match, "XAddrs").split(), key=lambda url: host_told(url) != host
        )  # a stable sort: the device's own order, after what is at this address
        services = filter(None, (announced_service(url, host) for url in urls))
        if service := next(services, None):
            scopes = text(match, "Scopes").split()
            yield Announcement(
                host=host,
                service_url=service,
                name=_told(scopes, "name"),
                hardware=_told(scopes, "hardware"),
                location=_told(scopes, "location"),
            )


def _told(scopes: list[str], kind: str) -> str:
    """Return what the first scope of a kind tells: `onvif://www.onvif.org/name/Front%20door`."""
    prefix = f"{_SCOPE}{kind}/"
    told = (scope[len(prefix) :] for scope in scopes if scope.lower().startswith(prefix))
    return shown(unquote(next(told, "")))
