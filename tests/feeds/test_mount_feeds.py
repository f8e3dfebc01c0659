"""One feed for a mount, for as long as somebody takes of it."""

from __future__ import annotations

from typing import Any

import pytest
from films import annex_b, decoded, film
from nal_units import H264
from rtp_units import fed as units_of
from rtp_units import marked, rtp
from sounds import sound

from headwater.codecs.depacketizers import depacketizer_for
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feed import AGENT
from headwater.feeds.mount_feeds import UnknownCodecs
from headwater.media.errors import MountClosed
from headwater.media.mount import Mount
from headwater.media.readers.function_reader import FunctionReader
from headwater.protocol.rtcp import Feedback, parse_rtcp
from headwater.protocol.sdp import SessionDescription

VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
OTHER = "m=application 0 RTP/AVP 98\na=rtpmap:98 vnd.onvif.metadata/90000\n"
KEY = H264.aggregate(*H264.sets, H264.key)


def pictures(*payloads: bytes, first: int = 0) -> list[bytes]:
    """Packets of pictures of one packet each."""
    packets: list[bytes] = []
    for index, payload in enumerate(payloads, start=first):
        packets += marked(payload, sequence=index, timestamp=3_600 * (index + 1))
    return packets


def test_nothing_runs_while_nobody_takes_and_nothing_is_left(stage: Any) -> None:
    mount: Mount = stage.mount()
    stage.send(mount, film("h264").rtp)
    kept_bytes = stage.budget.held_bytes
    assert not mount.readers
    tap, taker = stage.take(mount)
    stage.turns()
    (reader,) = mount.readers
    assert (reader.user_agent, reader.transport) == (AGENT, "python")
    assert taker.got
    assert stage.budget.held_bytes > kept_bytes
    tap.close()
    tap.close()
    assert not mount.readers
    assert len(stage.feeds) == 0
    assert stage.feeds.get(mount) is None
    assert stage.budget.held_bytes == kept_bytes
    count = len(taker.got)
    stage.send(mount, pictures(KEY))
    assert (len(taker.got), taker.ends) == (count, [])


def test_it_begins_with_the_last_key_frame_that_the_mount_keeps(stage: Any) -> None:
    mount: Mount = stage.mount()
    shown = film("h264")
    stage.send(mount, shown.rtp)
    _, taker = stage.take(mount)
    assert taker.got == []
    stage.turns()
    # 24 pictures, a key frame each ten.
    assert [fed.unit.key_frame for fed in taker.got] == [True, False, False, False]
    assert taker.got[0].config is taker.got[-1].config is not None
    assert decoded("h264", [annex_b(fed.unit.units) for fed in taker.got]) == list(
        shown.pictures[20:]
    )


def test_later_ones_get_the_same_from_the_key_frame_on(stage: Any) -> None:
    mount: Mount = stage.mount()
    shown, heard = film("h264"), sound("opus", 2)
    _, first = stage.take(mount)
    stage.send(mount, shown.rtp[: len(shown.rtp) // 2])
    stage.send(mount, heard.rtp[:10], track=1)
    _, second = stage.take(mount)
    stage.turns()
    begins = first.times().index(second.times()[0])
    assert first.got[begins].unit.key_frame
    assert [id(fed) for fed in second.got] == [id(fed) for fed in first.got[begins:]]
    stage.send(mount, shown.rtp[len(shown.rtp) // 2 :])
    assert [id(fed) for fed in second.got] == [id(fed) for fed in first.got[begins:]]
    # Whoever takes: each packet went through one depacketizer once.
    feed = stage.feeds.get(mount)
    assert [taker.counters.packets for taker in feed.depacketizers.values()] == [len(shown.rtp), 10]
    assert len(mount.readers) == 1


def test_a_tap_gives_its_tracks_alone(stage: Any) -> None:
    mount: Mount = stage.mount()
    _, picture = stage.take(mount, tracks=[0])
    _, heard = stage.take(mount, tracks=[1])
    stage.send(mount, pictures(KEY, H264.picture))
    stage.send(mount, sound("opus", 2).rtp[:3], track=1)
    assert [fed.track for fed in picture.got] == [0, 0]
    assert [fed.track for fed in heard.got] == [1, 1, 1]


def test_live_ones_wait_for_a_key_frame(stage: Any) -> None:
    mount: Mount = stage.mount(instant_start=False)
    stage.take(mount)
    stage.send(mount, pictures(KEY, H264.picture))
    _, live = stage.take(mount)
    _, instant = stage.take(mount, instant_start=True)
    stage.send(mount, pictures(H264.picture, KEY, H264.picture, first=2))
    assert live.times() == [4 * 3_600, 5 * 3_600]
    assert instant.times() == [3_600 * place for place in range(1, 6)]


def test_tracks_of_unknown_codecs_are_left_out(stage: Any) -> None:
    mount: Mount = stage.mount(OTHER, "m=audio 0 RTP/AVP 0\n")
    _, taker = stage.take(mount, tracks=[0, 1])
    stage.send(mount, [rtp(b"<xml>", 1, payload_type=98)])
    stage.send(mount, [rtp(b"u" * 160, 1, payload_type=0)], track=1)
    assert [fed.track for fed in taker.got] == [1]
    with pytest.raises(UnknownCodecs, match="no track of /cam"):
        stage.take(mount, tracks=[0])
    only_other: Mount = stage.mount(OTHER)
    with pytest.raises(UnknownCodecs):
        stage.take(only_other)
    assert only_other.readers == ()
    assert len(stage.feeds) == 1


def test_a_mount_that_is_closed_leaves_nothing(stage: Any) -> None:
    mount: Mount = stage.mount()
    mount.close("over")
    with pytest.raises(MountClosed):
        stage.take(mount)
    assert stage.feeds.get(mount) is None
    assert len(mount.readers) == 0


def test_a_feed_takes_no_reader_s_place(stage: Any) -> None:
    mount: Mount = stage.mount(max_readers=1)
    tap, _ = stage.take(mount)
    FunctionReader(
        "other", lambda track, batch: None, clock=stage.clock, call_soon=stage.call_soon
    ).begin(mount)
    assert (len(mount.readers), mount.counted_readers) == (2, 1)
    tap.close()


def test_a_function_that_raises_ends_its_own_tap(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mount: Mount = stage.mount()
    _, good = stage.take(mount)
    tap, bad = stage.take(mount)

    def fail(_fed: FedUnit) -> None:
        raise ValueError("no room")

    bad.work = fail
    stage.send(mount, pictures(KEY, H264.picture))
    assert len(good.got) == 2
    assert (len(bad.got), bad.ends) == (1, ["its function raised ValueError"])
    assert not tap.open
    assert "no room" in caplog.text


def test_taps_come_and_go_while_units_are_given(stage: Any) -> None:
    mount: Mount = stage.mount()
    tap, first = stage.take(mount)
    other, second = stage.take(mount)
    late = []

    def swap(_fed: FedUnit) -> None:
        first.work = lambda fed: None
        other.close()
        late.append(stage.take(mount)[1])

    first.work = swap
    stage.send(mount, pictures(KEY, H264.picture))
    assert (len(first.got), second.got) == (2, [])
    assert late[0].times() == first.times()

    def leave(_fed: FedUnit) -> None:
        tap.close()

    first.work = leave
    stage.send(mount, pictures(H264.picture, H264.picture, first=2))
    assert (len(first.got), len(late[0].got)) == (3, 4)


def test_the_end_comes_behind_the_last_picture(stage: Any) -> None:
    mount: Mount = stage.mount()
    _, taker = stage.take(mount)
    # The last picture has no marker: only the end tells that it is whole.
    packets = [rtp(KEY, 0, 3_600), rtp(H264.picture, 1, 7_200)]
    mount.tracks[0].write(packets)
    _, late = stage.take(mount)
    mount.close("publisher left")
    stage.turns()
    assert taker.times() == late.times() == [3_600, 7_200]
    assert taker.ends == late.ends == ["publisher left"]
    assert len(stage.feeds) == 0


def test_another_publisher_goes_on_with_its_own_parameter_sets(stage: Any) -> None:
    table = stage.table(grace_s=10.0)
    first = SessionDescription.parse("v=0\n" + VIDEO)
    mount = table.open("/cam", first, stage.camera)
    _, taker = stage.take(mount)
    stage.send(mount, pictures(KEY))
    mount.publisher_left(stage.camera, "left")
    stage.turns(1.0)
    second = SessionDescription.parse(first.relayed(address="192.0.2.1").decode())
    assert table.open("/cam", second, type(stage.camera)()) is mount
    stage.send(mount, pictures(H264.key))
    # What the first one's stream told is none of the second's.
    assert len(taker.got) == 1
    stage.send(mount, pictures(KEY, H264.picture, first=1))
    assert len(taker.got) == 3
    assert taker.got[1].config is not taker.got[0].config


def test_a_loss_asks_the_publisher_for_a_key_frame(stage: Any) -> None:
    mount: Mount = stage.mount(VIDEO + "a=rtcp-fb:96 nack pli\n")
    _, taker = stage.take(mount)
    packets = pictures(KEY, *[H264.picture] * 6)
    stage.send(mount, packets[:2])
    stage.turns(5.0)
    stage.camera.rtcp.clear()
    stage.send(mount, packets[3:])
    assert len(taker.got) == 2
    (asked,) = stage.camera.rtcp
    wanted = [part for part in parse_rtcp(asked[1]) if isinstance(part, Feedback)]
    assert [part.wants_key_frame for part in wanted] == [True]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"gop_cache_max_bytes": 0}, id="nothing is to be kept"),
        pytest.param({"gop_cache_max_bytes": 3_000}, id="more than may be kept"),
        pytest.param({"gop_cache_max_s": 0.5}, id="for longer than may be kept"),
    ],
)
def test_what_is_kept_is_bounded_and_whoever_comes_then_waits(
    stage: Any, settings: dict[str, Any]
) -> None:
    mount: Mount = stage.mount(**settings)
    stage.take(mount)
    stage.send(mount, pictures(KEY, *[H264.picture] * 20))
    feed = stage.feeds.get(mount)
    assert feed.kept_units == 0
    _, late = stage.take(mount)
    stage.send(mount, pictures(H264.picture, KEY, H264.picture, first=21))
    assert late.times() == [3_600 * 23, 3_600 * 24]
    assert feed.kept_units == (2 if settings != {"gop_cache_max_bytes": 0} else 0)


def test_all_groups_together_give_way_to_the_budget(stage: Any) -> None:
    mount: Mount = stage.mount()
    stage.take(mount)
    stage.send(mount, pictures(KEY, H264.picture))
    feed = stage.feeds.get(mount)
    assert feed.kept_units == 2
    stage.budget.most_bytes = 100
    stage.send(mount, pictures(H264.picture, first=2))
    assert feed.kept_units == 0
    assert stage.budget.held_bytes == 0


def test_feeds_give_what_a_depacketizer_of_their_own_would(stage: Any) -> None:
    mount: Mount = stage.mount()
    _, taker = stage.take(mount)
    heard = sound("opus", 2)
    stage.send(mount, film("h264-b").rtp)
    stage.send(mount, heard.rtp, track=1)
    for index, packets in enumerate((film("h264-b").rtp, heard.rtp)):
        own = depacketizer_for(mount.tracks[index].media)
        assert own is not None
        assert [fed.unit for fed in taker.got if fed.track == index] == units_of(own, packets)


def test_packets_that_overtake_each_other_cost_no_picture(stage: Any) -> None:
    mount: Mount = stage.mount()
    _, taker = stage.take(mount)
    shown = film("h264")
    mixed = [*shown.rtp]
    for place in range(1, len(mixed) - 3, 5):
        mixed[place : place + 3] = reversed(mixed[place : place + 3])
    for packet in mixed:
        mount.tracks[0].write([packet])
        stage.turns(0.001)
    feed = stage.feeds.get(mount)
    assert feed.orders[0].overtaken > len(mixed) // 6
    mount.close("over")
    stage.turns()
    pictures = decoded("h264", [annex_b(fed.unit.units) for fed in taker.got])
    assert pictures == list(shown.pictures)
