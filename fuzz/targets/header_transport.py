"""Transport."""

from __future__ import annotations

from fuzz.target import Target, check_blame, text_of
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import format_transport, parse_transport
from headwater.transports.offers.answered_transport import AnswerUnusable, read_answer
from headwater.transports.offers.negotiation import fitting
from headwater.transports.quirks import answered_channels, udp_source
from headwater.transports.settings import TransportKind

PEER_IP = "192.0.2.7"


def run_answer(text: str) -> None:
    """What a server may answer a client: it is read, or refused as unusable."""
    for asked in TransportKind:
        try:
            spec = read_answer(text, asked)
        except AnswerUnusable as error:
            check_blame(error)
            assert error.answered is not asked
            continue
        source = udp_source(PEER_IP, spec)
        assert source.hosts[0] == PEER_IP
        assert all(0 <= channel <= 255 for channel in answered_channels(spec, (0, 1)))


def run(data: bytes) -> None:
    run_answer(text_of(data))
    try:
        specs = parse_transport(text_of(data))
    except ProtocolError as error:
        check_blame(error)
        return
    for spec in specs:
        for pair in (spec.client_port, spec.server_port, spec.port):
            assert pair is None or all(0 < port < 65_536 for port in pair)
        assert spec.interleaved is None or all(0 <= n <= 255 for n in spec.interleaved)
        assert spec.ttl is None or 0 <= spec.ttl <= 255
        assert spec.ssrc is None or 0 <= spec.ssrc < 1 << 32
    written = format_transport(specs)
    again = parse_transport(written)
    assert len(again) == len(specs), written
    assert format_transport(again) == format_transport(parse_transport(format_transport(again)))
    try:
        offers = fitting(specs, TransportKind, peer_ip=PEER_IP)
    except ProtocolError as error:
        check_blame(error)
        return
    for offer in offers:
        if offer.kind is TransportKind.UDP:
            assert (offer.spec.destination or PEER_IP).strip("[]") == PEER_IP
            assert offer.spec.client_port is not None


TARGET = Target(
    invariant="any text is alternatives within their bounds or a ProtocolError, and what is "
    "chosen never sends to another address than the peer's; a client reads any answer or "
    "refuses it",
    run=run,
    words=(
        *(b"RTP/AVP", b"RTP/AVP/TCP", b"RTP/SAVPF/UDP", b";unicast", b";multicast", b";ttl=1"),
        *(
            b";interleaved=0-1",
            b";client_port=5000-5001",
            b";server_port=1-2",
            b";port=",
            b";source=",
        ),
        *(b";destination=192.0.2.7", b";destination=", b";ssrc=DEADBEEF", b";append", b'"'),
        *(b";mode=PLAY", b";mode=receive", b'mode="RECORD"', b",", b";", b"=", b"-"),
        *(b"65535", b"65536", b"0-0"),
    ),
)
