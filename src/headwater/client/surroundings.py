"""What every client of one event loop finds around it: ports, sockets, a clock, a name in RTCP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

from headwater.media.tracks.rtcp_participant import RtcpParticipant
from headwater.net.reach import Reach
from headwater.net.settings import SocketSettings
from headwater.net.steady_loop import SteadyLoop
from headwater.protocol.wire_limits import DescriptionLimits, WireLimits
from headwater.relay.relay import Relay
from headwater.transports.queue_budget import QueueBudget
from headwater.transports.settings import RtpSettings
from headwater.transports.transport_factory import TransportFactory

_QUEUE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts that clients share, with each other and with a server of the same program.

    Attributes:
        reach: which addresses they may call, redirected or not; None for any.
    """

    loop: SteadyLoop
    transports: TransportFactory
    participant: RtcpParticipant
    sockets: SocketSettings
    wire_limits: WireLimits
    description_limits: DescriptionLimits
    name: str = ""
    """What the server of this program calls itself in Via; empty where there is none."""
    reach: Reach | None = None

    @classmethod
    def alone(cls) -> Self:
        """Make them for a program that runs no server; needs a running loop."""
        loop = SteadyLoop(asyncio.get_running_loop())
        sockets = SocketSettings()
        transports = TransportFactory(loop, RtpSettings(), sockets, QueueBudget(_QUEUE_BYTES))
        return cls(
            loop,
            transports,
            RtcpParticipant.random(),
            sockets,
            WireLimits(),
            DescriptionLimits(),
        )

    @classmethod
    def of(cls, relay: Relay, sockets: SocketSettings) -> Self:
        """Take those of a running server, whose ports and queues its clients share."""
        limits = relay.limits.settings
        return cls(
            relay.loop,
            relay.transports,
            RtcpParticipant.random(),
            sockets,
            limits.wire_limits(),
            limits.description_limits(),
            relay.id,
        )
