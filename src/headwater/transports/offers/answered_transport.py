"""What a server's answer to SETUP settles for a client (RFC 2326 §12.39).

Pure reading: header text in, plain values out. How odd answers are understood is in `quirks`.
"""

from __future__ import annotations

from headwater.net.multicast import is_multicast
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import TransportSpec, parse_answered_transport
from headwater.protocol.status import Status
from headwater.transports.datagram.multicast_ingest import MulticastGroup
from headwater.transports.quirks import answered_kind, source_hosts
from headwater.transports.settings import TransportKind


class AnswerUnusable(ProtocolError):  # noqa: N818 - named after what happened
    """A server answered a SETUP with a transport that the client cannot go on with.

    The client may try another kind, on a new connection: some cameras set up nothing else on one
    that has set up something already.

    Attributes:
        answered: the kind that the server named instead of the one that was asked for; None where
            the answer is of the right kind and lacks what is needed, or is of no kind known here.
    """

    def __init__(self, message: str, *, answered: TransportKind | None = None) -> None:
        super().__init__(message, status=Status.UNSUPPORTED_TRANSPORT, where="Transport")
        self.answered = answered


def read_answer(answer: str | None, asked: TransportKind) -> TransportSpec:
    """Return the answered transport, of the kind that was asked for.

    Without a Transport header, as some cameras answer (gortsplib's issue 456), all is as it was
    asked for. Of several alternatives the first of this kind counts.

    Raises:
        AnswerUnusable: the server chose another kind, or a protocol unknown here.
    """
    if not (answer or "").strip():
        return TransportSpec()
    specs = [
        spec
        for spec in parse_answered_transport(answer or "")
        if spec.profile in ("RTP/AVP", "RTP/AVPF")
    ]
    if not specs:
        raise AnswerUnusable(f"{asked} was asked for; the answer names no RTP/AVP")
    kinds = [answered_kind(spec, asked) for spec in specs]
    if asked not in kinds:
        raise AnswerUnusable(f"{asked} was asked for and {kinds[0]} answered", answered=kinds[0])
    return specs[kinds.index(asked)]


def answered_group(
    spec: TransportSpec,
    peer_ip: str,
    *,
    announced: tuple[str, int] | None,
    interface: str,
) -> MulticastGroup:
    """Return the group of a track, its ports and who may send there.

    `announced` are the group and port of RTP that the SDP names, which count where the answer does
    not say better.

    Raises:
        AnswerUnusable: neither names a group, or a port.
    """
    group, port = announced or ("", 0)
    if is_multicast((spec.destination or "").strip("[]")):
        group = (spec.destination or "").strip("[]")
    ports = spec.port or ((port, port + 1) if 0 < port < 65535 else None)
    if not is_multicast(group) or ports is None:
        raise AnswerUnusable("neither the answer nor the SDP names a multicast group and its port")
    return MulticastGroup(
        address=group,
        ports=ports,
        ttl=spec.ttl,
        hosts=source_hosts(peer_ip, spec.source),
        interface=interface,
    )
