"""The answer of an ICE-lite server to an offer (RFC 8839, RFC 8842, RFC 9725)."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headwater.protocol.webrtc.offer import Codec, Offer, OfferedSection

_UDP_PREFERENCE, _TCP_PREFERENCE = 126, 90
"""RFC 8445 §5.1.2.2: host candidates have 126; TCP ones go behind all of UDP (RFC 6544 §4.2)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server shows a peer: ICE credentials, and the hash of its certificate (sha-256)."""

    ufrag: str
    password: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class AcceptedSection:
    """What is agreed of one offered section.

    Attributes:
        codec: the payload type and its parameters as the answer has them.
        direction: `sendonly` or `recvonly`, as the server sees it.
        ssrc: the source that the server sends; None where it only receives.
        stream: name that tracks of one picture and sound share.
        feedback: what the server understands, such as `nack pli`.
    """

    codec: Codec
    direction: str
    ssrc: int | None
    stream: str
    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Where the server can be reached.

    Attributes:
        hosts: numeric addresses, the best first.
        udp_port: the port for datagrams.
        tcp_port: the port of passive TCP (RFC 6544); None without one.
    """

    hosts: tuple[str, ...]
    udp_port: int
    tcp_port: int | None

    def lines(self) -> Iterable[str]:
        """Yield the lines of the answer."""
        ways = [("udp", self.udp_port, _UDP_PREFERENCE, "")]
        if self.tcp_port is not None:
            ways.append(("tcp", self.tcp_port, _TCP_PREFERENCE, " tcptype passive"))
        number = 0
        for transport, port, preference, behind in ways:
            for place, host in enumerate(self.hosts):
                number += 1
                local = 65_535 - place
                priority = preference << 24 | local << 8 | 255
                shown = ipaddress.ip_address(host).compressed
                yield (
                    f"a=candidate:{number} 1 {transport} {priority} {shown} {port} typ host{behind}"
                )
        yield "a=end-of-candidates"


def answer_text(
    offer: Offer,
    accepted: Sequence[AcceptedSection | None],
    identity: Identity,
    candidates: Candidates,
    *,
    session_id: int,
    cname: str,
) -> str:
    """Return the answer: each section as it was accepted, None for those that were not."""
    pairs = list(zip(offer.sections, accepted, strict=True))
    mids = [section.mid for section, agreed in pairs if agreed is not None]
    lines = [
        "v=0",
        f"o=- {session_id} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=msid-semantic: WMS *",
    ]
    transport = _transport_lines(identity, candidates)
    for section, agreed in pairs:
        if agreed is None:
            lines += _rejected(section)
        else:
            lines += _accepted(section, agreed, transport, cname)
    return "\r\n".join([*lines, ""])


def _transport_lines(identity: Identity, candidates: Candidates) -> list[str]:
    return [
        f"a=ice-ufrag:{identity.ufrag}",
        f"a=ice-pwd:{identity.password}",
        f"a=fingerprint:sha-256 {identity.fingerprint}",
        # RFC 8842 §5.2: the answerer chooses; the passive side chooses the cipher of SRTP.
        "a=setup:passive",
        *candidates.lines(),
    ]


def _rejected(section: OfferedSection) -> list[str]:
    # RFC 3264 §6: port 0, and at least one format.
    form = section.formats[0] if section.formats else "0"
    return [
        f"m={section.kind} 0 {section.protocol} {form}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=inactive",
    ]


def _accepted(
    section: OfferedSection, agreed: AcceptedSection, transport: Sequence[str], cname: str
) -> list[str]:
    codec = agreed.codec
    number = codec.payload_type
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [
        f"m={section.kind} 9 {section.protocol} {number}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        f"a={agreed.direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{number} {codec.encoding}/{codec.clock_rate_hz}{channels}",
    ]
    if codec.parameters:
        told = ";".join(
            f"{name}={value}" if value else name for name, value in codec.parameters.items()
        )
        lines.append(f"a=fmtp:{number} {told}")
    lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in agreed.feedback]
    if agreed.ssrc is not None:
        lines += [
            f"a=msid:{agreed.stream} {section.kind}",
            f"a=ssrc:{agreed.ssrc} cname:{cname}",
            f"a=ssrc:{agreed.ssrc} msid:{agreed.stream} {section.kind}",
        ]
    return [*lines, *transport]
