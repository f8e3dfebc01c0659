"""The device's half of WS-Discovery (2005/04): it hears Probes on an interface and answers them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from xml.etree import ElementTree
from xml.sax.saxutils import escape

GROUP = "239.255.255.250"
_IP_MULTICAST_ALL = 49
_PROBE = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}Probe"
_MESSAGE_ID = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}MessageID"


def probe_match(*, message_id: str, endpoint: str, scopes: str, xaddrs: str) -> bytes:
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
        'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
        f"<a:RelatesTo>{escape(message_id)}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches>"
        f"<d:ProbeMatch><a:EndpointReference><a:Address>{escape(endpoint)}</a:Address>"
        "</a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>"
        f"<d:Scopes>{escape(scopes)}</d:Scopes><d:XAddrs>{escape(xaddrs)}</d:XAddrs>"
        "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body>"
        "</s:Envelope>"
    ).encode()


class DiscoverySide(asyncio.DatagramProtocol):
    """Answers each Probe with the datagrams that `answers` makes for its message id."""

    def __init__(self, answers: Callable[[str], list[bytes]]) -> None:
        self._answers = answers
        self.probes: list[bytes] = []
        self.port = 0
        self._own: asyncio.DatagramTransport | None = None
        self._group: asyncio.DatagramTransport | None = None

    async def open(self, host: str, port: int, interface: str) -> None:
        """Hear Probes to `host` and to the group, on the interface of this IPv4 address."""
        loop = asyncio.get_running_loop()
        own = _bound(host, port)
        self.port = own.getsockname()[1]
        self._own, _ = await loop.create_datagram_endpoint(lambda: self, sock=own)
        group = _bound(GROUP, self.port)
        request = socket.inet_aton(GROUP) + socket.inet_aton(interface)
        group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        if sys.platform.startswith("linux"):
            # Without this it hears what comes by any interface on which anybody is a member.
            group.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        self._group, _ = await loop.create_datagram_endpoint(lambda: self, sock=group)

    def close(self) -> None:
        for transport in (self._own, self._group):
            if transport is not None:
                transport.close()

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        with contextlib.suppress(ElementTree.ParseError):
            root = ElementTree.fromstring(data)
            if root.find(f".//{_PROBE}") is None or self._own is None:
                return
            self.probes.append(data)
            for answer in self._answers(root.findtext(f".//{_MESSAGE_ID}", "")):
                self._own.sendto(answer, peer)


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock
