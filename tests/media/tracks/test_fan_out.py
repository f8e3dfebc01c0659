import logging
from collections.abc import Callable
from functools import partial

import pytest

from headwater.media.tracks.fan_out import FanOut, Outlet
from headwater.media.tracks.packet_batch import PacketBatch

BATCH = PacketBatch([b"packet"], 0.0)


class Sink:
    def __init__(self, act: Callable[[], None] | None = None, *, angry: bool = False) -> None:
        self.batches: list[PacketBatch] = []
        self.rtcp: list[bytes] = []
        self.errors: list[Exception] = []
        self.act = act
        self.angry = angry

    def send_batch(self, batch: PacketBatch) -> None:
        self.batches.append(batch)
        if self.act is not None:
            self.act()

    def send_rtcp(self, batch: PacketBatch) -> None:
        self.rtcp += batch.packets
        if self.act is not None:
            self.act()

    def outlet_failed(self, error: Exception) -> None:
        self.errors.append(error)
        if self.angry:
            raise RuntimeError("again")


def boom() -> None:
    raise OSError("boom")


def send_either(fan_out: FanOut, what: str) -> None:
    if what == "batch":
        fan_out.send(BATCH)
    else:
        fan_out.send_rtcp(PacketBatch([b"rtcp"], 1.0))


def got(sink: Sink, what: str) -> int:
    return len(sink.batches if what == "batch" else sink.rtcp)


def test_everyone_gets_the_same_batch_in_order() -> None:
    fan_out = FanOut()
    order: list[int] = []
    sinks = [Sink(partial(order.append, number)) for number in range(3)]
    fan_out.send(BATCH)
    for sink in (*sinks, sinks[0]):
        fan_out.add(sink)
    assert len(fan_out) == 3
    assert sinks[1] in fan_out
    fan_out.send(BATCH)
    fan_out.send_rtcp(PacketBatch([b"sr"], 1.0))
    assert order == [0, 1, 2, 0, 1, 2]
    assert all(sink.batches == [BATCH] and sink.rtcp == [b"sr"] for sink in sinks)


def test_removing_what_is_not_there_is_no_error() -> None:
    fan_out = FanOut()
    fan_out.remove(Sink())
    assert len(fan_out) == 0


@pytest.mark.parametrize("what", ["batch", "rtcp"])
def test_one_added_while_sending_begins_with_the_next(what: str) -> None:
    fan_out = FanOut()
    late = Sink()
    fan_out.add(Sink(lambda: fan_out.add(late)))
    send_either(fan_out, what)
    assert got(late, what) == 0
    send_either(fan_out, what)
    assert got(late, what) == 1


@pytest.mark.parametrize("what", ["batch", "rtcp"])
def test_one_removed_while_sending_gets_nothing_more(what: str) -> None:
    fan_out = FanOut()
    victim, after = Sink(), Sink()
    for sink in (Sink(lambda: fan_out.remove(victim)), victim, after):
        fan_out.add(sink)
    send_either(fan_out, what)
    assert (got(victim, what), got(after, what)) == (0, 1)
    fan_out.add(victim)
    send_either(fan_out, what)
    assert got(victim, what) == 0
    assert got(after, what) == 2


@pytest.mark.parametrize("what", ["batch", "rtcp"])
def test_an_only_outlet_may_leave_or_be_followed_while_it_is_served(what: str) -> None:
    fan_out = FanOut()
    late = Sink()

    def leave() -> None:
        fan_out.remove(only)
        fan_out.add(late)
        send_either(fan_out, what)

    only = Sink(leave)
    fan_out.add(only)
    send_either(fan_out, what)
    assert (got(only, what), got(late, what)) == (1, 1)


@pytest.mark.parametrize("what", ["batch", "rtcp"])
def test_an_only_outlet_that_fails_is_taken_off(what: str) -> None:
    told: list[Outlet] = []
    fan_out = FanOut(lambda outlet, _error: told.append(outlet))
    only = Sink(boom)
    fan_out.add(only)
    send_either(fan_out, what)
    send_either(fan_out, what)
    assert got(only, what) == 1
    assert told == [only]
    assert fan_out.errors == 1


@pytest.mark.parametrize("what", ["batch", "rtcp"])
def test_sending_within_sending_keeps_to_removals(what: str) -> None:
    fan_out = FanOut()
    victim = Sink()
    depth: list[int] = []

    def nest() -> None:
        if not depth:
            depth.append(1)
            fan_out.remove(victim)
            send_either(fan_out, what)

    fan_out.add(Sink(nest))
    fan_out.add(victim)
    send_either(fan_out, what)
    assert got(victim, what) == 0


@pytest.mark.parametrize("what", ["batch", "rtcp"])
def test_a_failing_outlet_is_taken_off_told_and_counted(what: str) -> None:
    told: list[tuple[Outlet, str]] = []
    fan_out = FanOut(lambda outlet, error: told.append((outlet, str(error))))
    bad, good = Sink(boom), Sink()
    fan_out.add(bad)
    fan_out.add(good)
    send_either(fan_out, what)
    send_either(fan_out, what)
    assert got(bad, what) == 1
    assert got(good, what) == 2
    assert told == [(bad, "boom")]
    assert [str(error) for error in bad.errors] == ["boom"]
    assert fan_out.errors == 1


def test_an_outlet_that_raises_again_when_told_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    fan_out = FanOut()
    good = Sink()
    fan_out.add(Sink(boom, angry=True))
    fan_out.add(good)
    with caplog.at_level(logging.ERROR):
        fan_out.send(BATCH)
    assert good.batches == [BATCH]
    assert "raised again" in caplog.text


def test_a_look_sees_one_batch_behind_all_outlets() -> None:
    fan_out = FanOut()
    order: list[str] = []
    for name in ("a", "b"):
        fan_out.add(Sink(partial(order.append, name)))
    fan_out.look_once(lambda _batch: order.append("look"))
    fan_out.look_once(lambda _batch: order.append("another"))
    assert len(fan_out) == 2
    fan_out.send_rtcp(BATCH)
    fan_out.send(BATCH)
    fan_out.send(BATCH)
    assert order == ["a", "b", "a", "b", "look", "a", "b"]


def test_without_outlets_there_is_nothing_to_look_at_and_a_change_forgets_it() -> None:
    fan_out = FanOut()
    seen: list[PacketBatch] = []
    fan_out.look_once(seen.append)
    fan_out.send(BATCH)
    sink = Sink()
    fan_out.add(sink)
    fan_out.look_once(seen.append)
    fan_out.add(Sink())
    fan_out.send(BATCH)
    assert seen == []
    assert sink.batches == [BATCH]


def test_a_look_that_fails_harms_nobody() -> None:
    def fail(_batch: PacketBatch) -> None:
        raise RuntimeError("on purpose")

    fan_out, sink = FanOut(), Sink()
    fan_out.add(sink)
    fan_out.look_once(fail)
    fan_out.send(BATCH)
    fan_out.send(BATCH)
    assert len(sink.batches) == 2
