"""Settings of the transports: ports, socket buffers and what peers may choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.applies import NEXT_SESSION, NOW
from headwater.setting_fields import Choice, take_fields

_LEAST_SHARE = 16


class TransportKind(Choice):
    """The ways media travels between a peer and the server."""

    UDP = "udp"
    TCP = "tcp"
    MULTICAST = "multicast"

    @property
    def is_interleaved(self) -> bool:
        """Whether media shares the RTSP connection, so that it ends with it."""
        return self is TransportKind.TCP


@dataclass(frozen=True, kw_only=True, slots=True)
class RtpSettings:
    """How RTP and RTCP leave and enter the server."""

    rtp_port_start: Annotated[
        int,
        NEXT_SESSION,
        "First UDP port of the range for RTP/RTCP pairs; an odd number is rounded up to the next "
        "even one.",
    ] = 10000
    rtp_port_count: Annotated[
        int,
        NEXT_SESSION,
        "How many UDP ports the range has. A UDP publisher uses one pair of ports for each "
        "track; all UDP readers of a track share one pair. If no pair is free, a peer gets 453.",
    ] = 10000
    rtp_pairs_per_address: Annotated[
        int,
        NEXT_SESSION,
        "How many pairs of the range one address may hold at a time (IPv6: one block, see "
        "`limits.ipv6_prefix_bits`). The pair for the UDP readers of a track counts for the "
        "reader that came first. The next pair is refused with 453. 0: half of the range, but "
        "at least 16.",
    ] = 0
    publish_transports: Annotated[
        tuple[TransportKind, ...],
        NOW,
        "Transports that publishers may use: udp, tcp. A request for another one gets 461.",
    ] = (TransportKind.UDP, TransportKind.TCP)
    play_transports: Annotated[
        tuple[TransportKind, ...],
        NOW,
        "Transports that readers may use: udp, tcp, multicast (multicast needs a group for the "
        "mount as well). A request for another one gets 461; most players then try TCP.",
    ] = (TransportKind.UDP, TransportKind.TCP, TransportKind.MULTICAST)
    require_secure_media: Annotated[
        bool | None,
        NOW,
        "Refuse media outside the TLS connection (udp, multicast) to peers on rtsps with 461, "
        "so that they use TCP, which is inside it. Only TLS encrypts media: over UDP, media is "
        "plain RTP even if the RTSP connection uses TLS. Unset: as `server.tls_only`.",
    ] = None
    nat_latching: Annotated[
        bool,
        NEXT_SESSION,
        "For peers over UDP whose NAT changes their ports. The first packet from a publisher's "
        "own address sets the port that its media comes from. The first packet from a reader's "
        "own address sets the port that its media goes to, unless a packet, or a report that "
        "media arrives, has come from the port that the reader asked for. The server accepts "
        "such packets only from the address of the RTSP connection.",
    ] = False
    receiver_report_interval_s: Annotated[
        float,
        NOW,
        "Seconds between the RTCP receiver reports that a publisher gets (RFC 3550 asks for "
        "about 5).",
    ] = 5.0

    def keeps_media_inside_tls(self, *, tls_only: bool) -> bool:
        """Return whether peers on rtsps get no media beside their connection."""
        return tls_only if self.require_secure_media is None else self.require_secure_media

    def __post_init__(self) -> None:
        take_fields(self)
        if not 1 <= self.rtp_port_start <= 65534:
            raise ValueError(f"rtp_port_start is {self.rtp_port_start}; it must be from 1 to 65534")
        if not 2 <= self.rtp_port_count <= 65536 - self.rtp_port_start:
            raise ValueError(
                f"rtp_port_count is {self.rtp_port_count}; with rtp_port_start "
                f"{self.rtp_port_start} it must be from 2 to {65536 - self.rtp_port_start}"
            )
        if self.rtp_port_start % 2 and self.rtp_port_count == 2:
            raise ValueError(
                f"rtp_port_count is 2; from {self.rtp_port_start} on it must be 3 or more, "
                "because a pair begins with an even port"
            )
        if self.rtp_pairs_per_address < 0:
            raise ValueError(
                f"rtp_pairs_per_address is {self.rtp_pairs_per_address}; it must be 0 or more"
            )
        if TransportKind.MULTICAST in self.publish_transports:
            raise ValueError("publish_transports has multicast; publishers may use udp and tcp")
        if self.receiver_report_interval_s <= 0:
            raise ValueError(
                f"receiver_report_interval_s is {self.receiver_report_interval_s}; "
                "it must be above 0"
            )

    @property
    def pairs_per_address(self) -> int:
        """How many pairs one address may hold."""
        return self.rtp_pairs_per_address or max(_LEAST_SHARE, self.rtp_port_count // 4)
