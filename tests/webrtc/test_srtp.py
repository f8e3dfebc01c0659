"""Packets laid out and encrypted: fast as promised to be the same, whatever their sizes."""

from __future__ import annotations

import pytest
from packet_sizes import SIZES, packets

from headwater.net.segmentation import plan_runs
from headwater.webrtc import srtp
from headwater.webrtc.layout import Layout
from headwater.webrtc.srtp import PROFILES, SrtpKeys, SrtpProfile, SrtpSession


def pair(profile: SrtpProfile) -> tuple[SrtpSession, SrtpSession]:
    """Both ends of one conversation."""
    one, other = bytes(range(profile.master_bytes)), bytes(profile.master_bytes)
    return SrtpSession(SrtpKeys(profile, one, other)), SrtpSession(SrtpKeys(profile, other, one))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=["gcm", "hmac"])
def test_what_is_encrypted_is_what_was_laid_out(profile: SrtpProfile, sizes: list[int]) -> None:
    sender, receiver = pair(profile)
    given = packets(sizes)
    layout = Layout.of(given, payload_type=102, gap_bytes=profile.tag_bytes)
    runs = sender.protect(layout)
    came = [receiver.unprotect(packet) for run in runs for packet in run.packets()]
    assert came == [bytes((p[0], p[1] & 0x80 | 102)) + p[2:] for p in given]
    padded = [packet + bytes(profile.tag_bytes) for packet in given]
    planned = plan_runs(padded)
    assert [(run.segment_bytes, run.count) for run in runs] == [
        (run.segment_bytes, run.count) for run in planned
    ]


def test_names_that_are_gone_leave_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert srtp._arena() is not None

    class Gone:
        def __init__(self) -> None:
            raise AttributeError("srtp_protect")

    monkeypatch.setattr(srtp, "Arena", Gone)
    assert srtp._arena() is None


@pytest.mark.parametrize("profile", PROFILES.values(), ids=["gcm", "hmac"])
def test_what_goes_again_is_what_went_before(profile: SrtpProfile) -> None:
    """However far back, and however often the numbers have wrapped."""
    sender, _ = pair(profile)
    numbers = [*range(40_000, 200_000, 20_000), *range(200_001, 204_000)]
    sent: dict[int, bytes] = {}
    for index in numbers:
        [run] = sender.protect(one_packet(index, profile))
        sent[index] = run.buffer
    for index in (200_001, 200_001, 203_999, 200_500):
        [again] = sender.protect_again(one_packet(index, profile), index)
        assert again.buffer == sent[index]
    [run] = sender.protect(one_packet(204_000, profile))
    assert run.buffer not in sent.values()


def one_packet(index: int, profile: SrtpProfile) -> Layout:
    """A packet of this number."""
    head = b"\x80\0" + (index & 0xFFFF).to_bytes(2, "big") + bytes(4) + b"ssrc"
    return Layout.of([head + bytes(90)], payload_type=96, gap_bytes=profile.tag_bytes)


def test_forged_and_replayed_packets_are_counted() -> None:
    sender, receiver = pair(PROFILES[b"SRTP_AEAD_AES_128_GCM"])
    [run] = sender.protect(Layout.of(packets([100]), payload_type=96, gap_bytes=16))
    assert receiver.unprotect(run.buffer) is not None
    assert receiver.unprotect(run.buffer) is None
    assert receiver.unprotect(bytes(100)) is None
    assert receiver.unprotect(b"\x80" * 2_000) is None
    assert receiver.failures == 3
