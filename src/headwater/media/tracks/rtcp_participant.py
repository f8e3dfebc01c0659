"""Who this server is where it speaks RTCP itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class RtcpParticipant:
    """A participant of RTP sessions that sends no media (RFC 3550 §3).

    Attributes:
        ssrc: the source that its reports and requests come from.
        cname: its canonical name (RFC 3550 §6.5.1), the same for all tracks.
    """

    ssrc: int
    cname: str

    @classmethod
    def random(cls) -> Self:
        """Make one that no other has: RFC 3550 §8 wants the SSRC chosen at random."""
        return cls(secrets.randbits(32), f"headwater-{secrets.token_hex(6)}")
