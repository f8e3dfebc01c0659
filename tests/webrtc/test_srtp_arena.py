"""Encrypted in one place, for one peer or for many: the same as by what pylibsrtp promises."""

from __future__ import annotations

import pytest
from packet_sizes import SIZES, packets

from headwater.net.datagram_vector import MOST_SLOTS
from headwater.webrtc import srtp
from headwater.webrtc.layout import MOST_LAID_OUT_PACKETS, Layout
from headwater.webrtc.srtp import PROFILES, SrtpKeys, SrtpProfile
from headwater.webrtc.srtp_arena import Arena, handle_of

profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=["gcm", "hmac"])
sizes = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)


def outbound(profile: SrtpProfile, peer: int) -> object:
    """What encrypts for a peer: each has keys of its own."""
    key = bytes([peer]) * profile.master_bytes
    return srtp._outbound(SrtpKeys(profile, key, key), 128)


@profiles
@sizes
def test_one_peer(profile: SrtpProfile, sizes: list[int]) -> None:
    layout = Layout.of(packets(sizes), payload_type=96, gap_bytes=profile.tag_bytes)
    wanted = srtp.protect_each(outbound(profile, 1), layout)
    assert Arena().protect(outbound(profile, 1), layout) == wanted


@profiles
@sizes
@pytest.mark.parametrize("peers", [1, 3, MOST_SLOTS])
def test_peers_side_by_side(profile: SrtpProfile, sizes: list[int], peers: int) -> None:
    arena = Arena()
    layout = Layout.of(packets(sizes), payload_type=96, gap_bytes=profile.tag_bytes)
    sessions = [outbound(profile, peer) for peer in range(peers)]
    slots, failed = arena.protect_all([handle_of(session) for session in sessions], layout)
    assert failed == []
    for peer in range(peers):
        memory = slots.memory[peer * slots.apart_bytes :]
        wanted = srtp.protect_each(outbound(profile, peer), layout)
        for run, (start, stop, segment, count) in zip(wanted, layout.bounds, strict=True):
            assert (bytes(memory[start:stop]), segment, count) == (
                run.buffer,
                run.segment_bytes,
                run.count,
            )


def test_it_is_told_whose_packets_could_not_be_encrypted() -> None:
    profile = PROFILES[b"SRTP_AEAD_AES_128_GCM"]
    arena = Arena()
    sessions = [outbound(profile, peer) for peer in range(4)]
    # Numbers that were used up: libsrtp takes a packet that is older than its window as a mistake.
    late = Layout.of([packet(30_000)], payload_type=96, gap_bytes=profile.tag_bytes)
    for session in sessions[1:3]:
        assert arena.protect(session, late)
    early = Layout.of([packet(10)], payload_type=96, gap_bytes=profile.tag_bytes)
    _, failed = arena.protect_all([handle_of(session) for session in sessions], early)
    assert failed == [1, 2]
    assert arena.protect(sessions[1], early) == []


def packet(number: int) -> bytes:
    """A packet of this number."""
    return b"\x80\0" + number.to_bytes(2, "big") + bytes(4) + b"ssrc" + bytes(90)


@pytest.mark.parametrize("sizes", [[60_000] * 3, [100] * (MOST_LAID_OUT_PACKETS + 1), [200_000]])
def test_what_has_no_room_in_the_memory_is_not_laid_out(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="at most 64 of 131072 are laid out together"):
        Layout.of(packets(sizes), payload_type=96, gap_bytes=16)
