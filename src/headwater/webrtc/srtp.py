"""SRTP of one peer (RFC 3711, RFC 7714) by libsrtp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pylibsrtp

from headwater.net.segmentation import Run
from headwater.webrtc.layout import Layout
from headwater.webrtc.srtp_arena import Arena, handle_of

_SENT_WINDOW_PACKETS: Final = 128
"""libsrtp moves a bit for each packet of the window whenever one is sent: with 8,192 of them that
took as long as AES. So what goes out first has the smallest, and what goes again has its own."""
_AGAIN_WINDOW_PACKETS: Final = 8_192
"""How far back a packet may be sent again: as far as a cached group of pictures goes."""
_RECEIVED_WINDOW_PACKETS: Final = 1_024
"""How late a packet of a publisher may come, after it was asked for again."""
_STEP_PACKETS: Final = 0x7000
"""RFC 3711 §3.3.1: over less than 32,768 packets it is guessed right how often numbers wrapped."""
_SSRC_AT: Final = slice(8, 12)


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """One way to encrypt.

    Attributes:
        number: what libsrtp calls it.
        key_bytes: of a master key.
        salt_bytes: of a master salt.
        tag_bytes: by which a packet grows.
    """

    number: int
    key_bytes: int
    salt_bytes: int
    tag_bytes: int

    @property
    def master_bytes(self) -> int:
        """Of a master key and its salt."""
        return self.key_bytes + self.salt_bytes


PROFILES: Final = {
    # AES-GCM takes less than half the time of the other.
    b"SRTP_AEAD_AES_128_GCM": SrtpProfile(
        pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, 16
    ),
    b"SRTP_AES128_CM_SHA1_80": SrtpProfile(
        pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, 10
    ),
}
"""By the name of DTLS (RFC 5764 §4.1.2, RFC 7714 §14.2), the most wanted first."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master keys with their salts."""

    profile: SrtpProfile
    ours: bytes
    theirs: bytes

    @classmethod
    def of_server(cls, profile: SrtpProfile, material: bytes) -> SrtpKeys:
        """Cut what DTLS exported (RFC 5764 §4.2): keys of client and server, then their salts."""
        key, salt = profile.key_bytes, profile.salt_bytes
        salts = material[2 * key :]
        return cls(
            profile,
            ours=material[key : 2 * key] + salts[salt : 2 * salt],
            theirs=material[:key] + salts[:salt],
        )


class SrtpSession:
    """Encrypts what goes to one peer, and decrypts what comes from it.

    Attributes:
        protect: returns the packets of a layout, encrypted, in runs; they go out for the first
            time.
        failures: packets from the peer that were forged, replayed or damaged.
    """

    def __init__(self, keys: SrtpKeys) -> None:
        self._keys = keys
        self.tag_bytes = keys.profile.tag_bytes
        self._out = _outbound(keys, _SENT_WINDOW_PACKETS)
        self._in = pylibsrtp.Session(
            _policy(
                keys.profile,
                keys.theirs,
                pylibsrtp.Policy.SSRC_ANY_INBOUND,
                _RECEIVED_WINDOW_PACKETS,
            )
        )
        self.protect: Callable[[Layout], list[Run]] = partial(_PROTECT, self._out)
        self._again: Any = None
        # By source the newest index that `_again` knows of.
        self._reached: dict[bytes, int] = {}
        self.failures = 0

    @property
    def handle(self) -> Any:
        """What `ARENA.protect_all` takes, as long as this session is there."""
        return handle_of(self._out)

    def protect_again(self, layout: Layout, index: int) -> list[Run]:
        """Return packets that may have gone out before, encrypted as they were then.

        `index` is the first one's (RFC 3711 §3.3.1): its sequence number, and above it how often
        numbers have wrapped since the first packet that `protect` got of this source.
        """
        if self._again is None:
            self._again = _outbound(self._keys, _AGAIN_WINDOW_PACKETS)
        source = layout.buffer[_SSRC_AT]
        last = index + len(layout.starts) - 1
        reached = self._reached.get(source)
        if reached is None:
            reached = 0
            self._count_on(source, reached)
        while last - reached > _STEP_PACKETS:
            reached += _STEP_PACKETS
            self._count_on(source, reached)
        self._reached[source] = max(reached, last)
        return _PROTECT(self._again, layout)

    def _count_on(self, source: bytes, index: int) -> None:
        """Have libsrtp know how often numbers have wrapped: by packets that go nowhere."""
        number = (index & 0xFFFF).to_bytes(2, "big")
        self._again.protect(b"\x80\0" + number + bytes(4) + source)

    def protect_rtcp(self, compound: bytes) -> bytes:
        """Return a compound RTCP packet, encrypted."""
        encrypted: bytes = self._out.protect_rtcp(compound)
        return encrypted

    def unprotect(self, packet: bytes) -> bytes | None:
        """Return an RTP packet as the peer meant it; None where it is not the peer's."""
        return self._opened(self._in.unprotect, packet)

    def unprotect_rtcp(self, compound: bytes) -> bytes | None:
        """Return a compound RTCP packet as the peer meant it; None where it is not the peer's."""
        return self._opened(self._in.unprotect_rtcp, compound)

    def _opened(self, open_packet: Callable[[bytes], bytes], packet: bytes) -> bytes | None:
        try:
            return open_packet(packet)
        except (pylibsrtp.Error, ValueError):
            self.failures += 1
            return None


def _outbound(keys: SrtpKeys, window_packets: int) -> Any:
    direction = pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    return pylibsrtp.Session(_policy(keys.profile, keys.ours, direction, window_packets))


def _policy(profile: SrtpProfile, key: bytes, direction: int, window_packets: int) -> Any:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile.number)
    policy.allow_repeat_tx = True
    policy.window_size = window_packets
    return policy


def protect_each(session: Any, layout: Layout) -> list[Run]:
    """Encrypt packet by packet, by what pylibsrtp promises."""
    gap = layout.gap_bytes
    return [
        Run(
            b"".join(session.protect(packet[: len(packet) - gap]) for packet in run.packets()),
            run.segment_bytes,
            run.count,
        )
        for run in layout.runs()
    ]


def _arena() -> Arena | None:
    """Return what encrypts fastest, where it does here the same as what pylibsrtp promises."""
    profile = PROFILES[b"SRTP_AEAD_AES_128_GCM"]
    key = bytes(profile.master_bytes)
    outbound = partial(_outbound, SrtpKeys(profile, key, key), _SENT_WINDOW_PACKETS)
    alone, *both, other = (outbound() for _ in range(4))
    packets = [b"\x80\x60\0\1" + bytes(20), b"\x80\x60\0\2" + bytes(9)]
    layout = Layout.of(packets, payload_type=96, gap_bytes=profile.tag_bytes)
    wanted = protect_each(other, layout)
    try:
        arena = Arena()
        same = arena.protect(alone, layout) == wanted
        slots, failed = arena.protect_all([handle_of(session) for session in both], layout)
        places = range(0, 2 * slots.apart_bytes, slots.apart_bytes)
        encrypted = b"".join([run.buffer for run in wanted])
        same &= not failed and all(
            slots.memory[at : at + len(encrypted)] == encrypted for at in places
        )
    except (AttributeError, ImportError, TypeError):
        return None
    return arena if same else None


ARENA: Final = _arena()
"""For many peers at once; None where packets are encrypted one by one."""
_PROTECT: Final[Callable[[Any, Layout], list[Run]]] = (
    protect_each if ARENA is None else ARENA.protect
)
