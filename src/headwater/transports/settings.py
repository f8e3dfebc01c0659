"""Settings of the transports: ports, socket buffers and what peers may choose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

_MIB = 1 << 20


class TransportKind(StrEnum):
    """The ways media travels between a peer and the server."""

    UDP = "udp"
    TCP = "tcp"
    MULTICAST = "multicast"


@dataclass(frozen=True, kw_only=True, slots=True)
class RtpSettings:
    """How RTP and RTCP leave and enter the server."""

    rtp_port_start: Annotated[
        int,
        "First UDP port of the range for RTP/RTCP pairs; an odd number is rounded up to the next "
        "even one. 0 lets the kernel choose free pairs.",
    ] = 10000
    rtp_port_count: Annotated[
        int,
        "How many UDP ports the range holds. A UDP publisher takes one pair a track; all UDP "
        "readers of a track share one pair. A peer that finds the range used up gets 453.",
    ] = 10000
    publish_transports: Annotated[
        tuple[TransportKind, ...],
        "What publishers may choose: udp, tcp. Anything else asked for gets 461.",
    ] = (TransportKind.UDP, TransportKind.TCP)
    play_transports: Annotated[
        tuple[TransportKind, ...],
        "What readers may choose: udp, tcp, multicast (which a mount must also have a group "
        "for). Anything else asked for gets 461; most players then retry over TCP.",
    ] = (TransportKind.UDP, TransportKind.TCP, TransportKind.MULTICAST)
    udp_receive_buffer_bytes: Annotated[
        int,
        "SO_RCVBUF of sockets that receive from UDP publishers, bytes. The kernel caps it at "
        "net.core.rmem_max; a shortfall is logged once.",
    ] = 4 * _MIB
    udp_send_buffer_bytes: Annotated[
        int,
        "SO_SNDBUF of sockets that send to UDP readers, bytes. The kernel caps it at "
        "net.core.wmem_max; a shortfall is logged once.",
    ] = 4 * _MIB
    udp_send_queue_bytes: Annotated[
        int,
        "Bytes that may wait for a track's UDP socket to become writable; what comes on top is "
        "dropped and counted.",
    ] = 8 * _MIB
    udp_send_queue_age_s: Annotated[
        float,
        "Seconds that packets may wait for a track's UDP socket; older ones are dropped and "
        "counted.",
    ] = 1.0
    tcp_send_buffer_bytes: Annotated[
        int,
        "SO_SNDBUF of a reader's TCP connection, bytes; 0 leaves it to the kernel's own tuning. "
        "What the kernel holds comes on top of the reader's queue.",
    ] = 512 * 1024
    nat_latching: Annotated[
        bool,
        "Let the first packet that comes from a publisher's (or reader's) own address set the "
        "port that its media uses, for peers whose NAT changes their ports. Only the address of "
        "its RTSP connection is ever accepted.",
    ] = False
    receiver_report_interval_s: Annotated[
        float,
        "Seconds between the RTCP receiver reports that a publisher gets (RFC 3550 asks for "
        "about 5).",
    ] = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.rtp_port_start <= 65534:
            raise ValueError(
                f"rtp_port_start is {self.rtp_port_start}; it must be from 0 to 65534"
            )
        if self.rtp_port_start and not 2 <= self.rtp_port_count <= 65536 - self.rtp_port_start:
            raise ValueError(
                f"rtp_port_count is {self.rtp_port_count}; with rtp_port_start "
                f"{self.rtp_port_start} it must be from 2 to {65536 - self.rtp_port_start}"
            )
        if TransportKind.MULTICAST in self.publish_transports:
            raise ValueError("publish_transports has multicast; publishers may use udp and tcp")
        for name in ("udp_send_queue_age_s", "receiver_report_interval_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in (
            "udp_receive_buffer_bytes",
            "udp_send_buffer_bytes",
            "udp_send_queue_bytes",
            "tcp_send_buffer_bytes",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
