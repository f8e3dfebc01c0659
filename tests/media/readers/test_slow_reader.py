import sys
from typing import Any

import pytest

from headwater.media.readers.slow_reader import SlowReaderGate, longest_stall_s
from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.media.tracks.packet_batch import PacketBatch

MOST = 1000


def gate(*, key_frames: bool = True, **settings: Any) -> SlowReaderGate:
    defaults = {
        "slow_reader_max_bytes": MOST,
        "slow_reader_max_age_s": 2.0,
        "slow_reader_disconnect_s": 20.0,
        "key_frame_wait_s": 15.0,
    }
    return SlowReaderGate(MountSettings(**(defaults | settings)), has_key_frames=key_frames)


def batch(markers: str = "..!", key: int = -1) -> PacketBatch:
    """One packet for each character; `!` is the last of its picture."""
    packets = [bytes([0x80, 96 | (0x80 if mark == "!" else 0)]) + bytes(10) for mark in markers]
    return PacketBatch(packets, 0.0, key)


def test_below_the_bounds_everything_passes_untouched() -> None:
    subject = gate()
    for queued, age in ((0, 0.0), (MOST, 2.0)):
        sent = batch()
        assert subject.admit(sent, queued, age, 0.0) is sent
    assert (subject.dropped_packets, subject.slow, subject.stretches) == (0, False, 0)


@pytest.mark.parametrize(("queued", "age"), [(MOST + 1, 0.0), (0, 2.1)])
def test_past_bytes_or_age_it_drops_and_waits_for_a_key_frame(queued: int, age: float) -> None:
    subject = gate()
    subject.admit(batch(), 0, 0.0, 0.0)
    assert subject.admit(batch(), queued, age, 1.0) is None
    assert subject.slow
    # The queue is empty again, but this is the middle of nowhere.
    assert subject.admit(batch(), 0, 0.0, 2.0) is None
    assert subject.slow
    key = batch("!..!", key=1)
    sent = subject.admit(key, 0, 0.0, 3.0)
    assert sent is key.tail(1)
    assert (subject.slow, subject.dropped_packets) == (False, 3 + 3 + 1)
    assert subject.dropped_bytes == 7 * 12
    assert subject.stretches == 1


def test_a_key_frame_while_the_queue_is_still_half_full_is_left_out() -> None:
    subject = gate()
    subject.admit(batch(), MOST + 1, 0.0, 0.0)
    assert subject.admit(batch(key=0), MOST // 2 + 1, 0.0, 1.0) is None
    assert subject.admit(batch(key=0), 0, 1.1, 1.0) is None
    assert subject.admit(batch(key=0), MOST // 2, 1.0, 2.0) is not None


def test_a_picture_that_was_begun_is_sent_to_its_end() -> None:
    subject = gate()
    subject.admit(batch("..."), 0, 0.0, 0.0)
    over = batch(".!..")
    assert subject.admit(over, MOST + 1, 0.0, 0.1) is over.head(2)
    assert subject.dropped_packets == 2
    assert subject.admit(batch(".!"), MOST + 1, 0.0, 0.2) is None


def test_a_picture_may_need_several_batches_to_end() -> None:
    subject = gate()
    subject.admit(batch("..."), 0, 0.0, 0.0)
    middle = batch("...")
    assert subject.admit(middle, MOST + 1, 0.0, 0.1) is middle
    end = batch("!..")
    assert subject.admit(end, MOST + 40, 0.0, 0.2) is end.head(1)
    assert subject.admit(batch("..!"), 0, 0.0, 0.3) is None
    assert subject.stretches == 1


def test_a_picture_without_end_is_cut_at_twice_the_bound() -> None:
    subject = gate()
    subject.admit(batch("..."), 0, 0.0, 0.0)
    assert subject.admit(batch("..."), 2 * MOST, 0.0, 0.1) is not None
    assert subject.admit(batch("..."), 2 * MOST + 1, 0.0, 0.2) is None
    assert subject.dropped_packets == 3


def test_a_queue_that_drains_while_a_picture_ends_loses_nothing() -> None:
    subject = gate()
    subject.admit(batch("..."), 0, 0.0, 0.0)
    subject.admit(batch("..."), MOST + 1, 0.0, 0.1)
    assert subject.admit(batch("..!"), 0, 0.0, 0.2) is not None
    assert not subject.slow
    assert subject.dropped_packets == 0


def test_without_key_frames_the_next_batch_will_do() -> None:
    subject = gate(key_frames=False)
    subject.admit(batch("..."), 0, 0.0, 0.0)
    assert subject.admit(batch(), MOST + 1, 0.0, 1.0) is None
    assert subject.admit(batch(), MOST // 2 + 1, 0.0, 1.1) is None
    sent = batch()
    assert subject.admit(sent, 0, 0.0, 1.2) is sent
    assert subject.dropped_packets == 6


def test_it_stops_waiting_for_key_frames_that_do_not_come() -> None:
    subject = gate()
    subject.admit(batch(), MOST + 1, 0.0, 0.0)
    assert subject.admit(batch(), 0, 0.0, 1.0) is None
    assert subject.admit(batch(), 0, 0.0, 15.9) is None
    assert subject.admit(batch(), 0, 0.0, 16.0) is not None


def test_a_reader_that_stays_slow_expires() -> None:
    subject = gate()
    subject.admit(batch(), MOST + 1, 0.0, 100.0)
    subject.admit(batch(), MOST + 1, 0.0, 119.9)
    expired = [subject.expired]
    assert subject.admit(batch(), MOST + 1, 0.0, 120.0) is None
    expired.append(subject.expired)
    assert expired == [False, True]
    assert subject.admit(batch(key=0), 0, 0.0, 121.0) is None


def test_a_reader_that_drains_in_between_does_not_expire() -> None:
    subject = gate()
    for second in range(0, 100, 2):
        subject.admit(batch(), MOST + 1, 0.0, float(second))
        subject.admit(batch(), 0, 0.0, second + 1.0)
    assert not subject.expired


def test_no_expiry_where_the_setting_says_never() -> None:
    subject = gate(slow_reader_disconnect_s=0.0)
    subject.admit(batch(), MOST + 1, 0.0, 0.0)
    subject.admit(batch(), MOST + 1, 0.0, 1e6)
    assert not subject.expired


def test_the_disconnect_policy_expires_at_once() -> None:
    subject = gate(slow_reader_policy=SlowReaderPolicy.DISCONNECT)
    subject.admit(batch("..."), 0, 0.0, 0.0)
    assert subject.admit(batch("..!"), MOST + 1, 0.0, 0.0) is None
    assert subject.expired
    assert subject.dropped_packets == 3


def test_what_was_broken_off_goes_on_at_a_key_frame() -> None:
    subject = gate()
    subject.admit(batch(), 0, 0.0, 0.0)
    subject.break_off()
    assert subject.slow
    assert subject.admit(batch(), 0, 0.0, 1.0) is None
    assert subject.admit(batch("..!", key=0), 0, 0.0, 2.0) is not None
    assert not subject.slow


@pytest.mark.parametrize("policy", list(SlowReaderPolicy))
@pytest.mark.parametrize("disconnect_s", [0.0, 5.0])
def test_the_longest_stall_is_when_a_gate_that_is_asked_expires(
    policy: SlowReaderPolicy, disconnect_s: float
) -> None:
    settings: dict[str, Any] = {
        "slow_reader_policy": policy,
        "slow_reader_max_age_s": 2.0,
        "slow_reader_disconnect_s": disconnect_s,
    }
    subject = gate(**settings)
    expired_s = None
    for tenths in range(1000):
        stalled_s = tenths / 10
        subject.admit(batch(), MOST, stalled_s, stalled_s)
        if subject.expired:
            expired_s = stalled_s
            break
    longest_s = longest_stall_s(MountSettings(**settings))
    if longest_s is None:
        assert expired_s is None
    else:
        # The gate is asked each tenth of a second: it finds out with the first one after.
        assert expired_s == pytest.approx(longest_s + 0.1)


@pytest.mark.parametrize("queued", [0, MOST + 1])
def test_no_batch_stays_in_memory_for_a_reader(queued: int) -> None:
    subject = gate()
    one = batch("..")
    references = sys.getrefcount(one)
    subject.admit(one, 0, 0.0, 0.0)
    subject.note_sent(one)
    subject.admit(one, queued, 0.0, 0.0)
    assert sys.getrefcount(one) == references
