import logging
from typing import Any

import pytest

from headwater.media.counters import MountTotals
from headwater.media.errors import MountBusy
from headwater.media.mount_table import MountTable
from headwater.media.settings import MountOverride, MountSettings, SecondPublisher
from headwater.media.states import MountState

H265 = "m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\n"


def test_a_table_begins_empty_and_readers_make_no_mount(stage: Any) -> None:
    table = MountTable(clock=stage.clock, call_later=stage.call_later)
    assert table.get("/cam") is None
    assert (len(table), list(table)) == (0, [])
    table.check(stage.now)
    table.check_free("/cam")


def test_opening_tells_the_observer_and_keeps_the_range(stage: Any) -> None:
    table = stage.table()
    mount = table.open("/cam", stage.presentation(), stage.FakePublisher(), "npt=0.000-")
    assert table.get("/cam") is mount
    assert mount.range_text == "npt=0.000-"
    assert stage.recorder.events == [("mount_opened", "/cam"), ("publisher_started", "p")]
    other = table.open("/other", stage.presentation(), stage.FakePublisher("q"))
    assert list(table) == [mount, other]


def test_the_same_publisher_keeps_its_mount(stage: Any) -> None:
    table = stage.table()
    publisher = stage.FakePublisher()
    mount = table.open("/cam", stage.presentation(), publisher)
    assert table.open("/cam", stage.presentation(), publisher) is mount
    assert mount.counters.publishers == 1


def test_who_fills_a_path_is_told_by_id(stage: Any) -> None:
    table = stage.table()
    first = stage.FakePublisher("p")
    assert not table.is_filled_by("/cam", "p")
    mount = table.open("/cam", stage.presentation(), first)
    assert (table.is_filled_by("/cam", "p"), table.is_filled_by("/cam", "q")) == (True, False)
    assert not table.is_filled_by("/other", "p")
    mount.publisher_left(first, "gone")
    assert not table.is_filled_by("/cam", "p")


def test_a_second_publisher_is_refused(stage: Any) -> None:
    table = stage.table()
    mount = table.open("/cam", stage.presentation(), stage.FakePublisher())
    with pytest.raises(MountBusy, match="/cam has a publisher already"):
        table.check_free("/cam")
    with pytest.raises(MountBusy):
        table.open("/cam", stage.presentation(), stage.FakePublisher("q"))
    assert mount.publisher.closed == []


def test_a_second_publisher_replaces_the_first_and_readers_stay(stage: Any) -> None:
    table = stage.table(on_second_publisher=SecondPublisher.REPLACE)
    first, second = stage.FakePublisher("p"), stage.FakePublisher("q")
    mount = table.open("/cam", stage.presentation(), first)
    first.on_close = lambda: mount.publisher_left(first, "told to go")
    reader = stage.FakeReader()
    stage.play(mount, reader)
    mount.tracks[0].write(stage.video().picture(2, key=True))
    table.check_free("/cam")
    assert table.open("/cam", stage.presentation(), second) is mount
    assert first.closed == ["replaced by another publisher"]
    mount.tracks[0].write(stage.video(ssrc=7, seq=999).picture(2, key=True))
    assert reader.seqs() == [100, 101, 102, 103]
    assert reader.closed == []
    assert stage.recorder.events[-2:] == [
        ("publisher_stopped", "p", "replaced by another publisher"),
        ("publisher_started", "q"),
    ]


def test_a_replacement_that_does_not_fit_closes_the_readers(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    table = stage.table(on_second_publisher=SecondPublisher.REPLACE)
    old = table.open("/cam", stage.presentation(), stage.FakePublisher())
    reader = stage.FakeReader()
    stage.play(old, reader)
    with caplog.at_level(logging.WARNING):
        new = table.open("/cam", stage.presentation(H265), stage.FakePublisher("q"))
    assert new is not old
    assert table.get("/cam") is new
    assert old.state is MountState.CLOSED
    assert "another description" in reader.closed[0]
    assert caplog.records[0].__dict__["mount"] == "/cam"
    assert stage.recorder.names[-3:] == ["mount_closed", "mount_opened", "publisher_started"]


def test_a_mount_in_its_grace_is_taken_up_again(stage: Any) -> None:
    table = stage.table()
    publisher = stage.FakePublisher()
    mount = table.open("/cam", stage.presentation(), publisher)
    reader = stage.FakeReader()
    stage.play(mount, reader)
    mount.publisher_left(publisher, "lost")
    table.check_free("/cam")
    assert table.open("/cam", stage.presentation(), stage.FakePublisher("q")) is mount
    assert mount.state is MountState.LIVE
    stage.advance(100.0)
    assert reader.closed == []


def test_a_publisher_whose_leaving_ends_the_mount_makes_room_for_a_new_one(stage: Any) -> None:
    table = stage.table(on_second_publisher=SecondPublisher.REPLACE)
    first = stage.FakePublisher()
    old = table.open("/cam", stage.presentation(), first)
    reader = stage.FakeReader()
    stage.play(old, reader)
    first.on_close = lambda: old.remove_reader(reader)
    new = table.open("/cam", stage.presentation(), stage.FakePublisher("q"))
    assert old.state is MountState.CLOSED
    assert new is table.get("/cam")
    assert new is not old


def test_a_closed_mount_is_gone_from_the_table_before_anyone_is_told(stage: Any) -> None:
    table = stage.table()
    publisher = stage.FakePublisher()
    table.open("/cam", stage.presentation(), publisher)
    seen: list[object] = []
    publisher.on_close = lambda: seen.append(table.get("/cam"))
    table.get("/cam").close("over")
    assert seen == [None]
    assert len(table) == 0


def test_a_new_mount_outlives_the_news_of_the_old_ones_end(stage: Any) -> None:
    table = stage.table()
    first = stage.FakePublisher()
    old = table.open("/cam", stage.presentation(), first)
    opened: list[Any] = []
    first.on_close = lambda: opened.append(
        table.open("/cam", stage.presentation(), stage.FakePublisher("q"))
    )
    old.close("over")
    assert table.get("/cam") is opened[0]
    assert opened[0].open


def test_checks_and_shutdown_reach_every_mount(stage: Any) -> None:
    table = stage.table()
    publishers = [stage.FakePublisher(name) for name in "ab"]
    for publisher in publishers:
        table.open("/" + publisher.id, stage.presentation(), publisher)
    table.check(stage.now + 11.0)
    assert all(publisher.closed for publisher in publishers)
    assert len(table) == 0
    table.open("/c", stage.presentation(), stage.FakePublisher("c"))
    table.close("shutdown")
    assert len(table) == 0


def test_settings_come_by_path(stage: Any) -> None:
    table = stage.table(
        (
            MountOverride(pattern="/low/*", instant_start=False, grace_s=1.0),
            MountOverride(pattern="**/cam", grace_s=2.0),
        )
    )
    assert table.settings_for("/low/a").grace_s == 1.0
    assert table.settings_for("/low/cam").grace_s == 2.0
    assert not table.settings_for("/low/cam").instant_start
    assert table.settings_for("/else").grace_s == 10.0
    mount = table.open("/low/cam", stage.presentation(), stage.FakePublisher())
    assert mount.settings == table.settings_for("/low/cam")


def test_an_observer_that_raises_changes_nothing(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_payload: object) -> None:
        raise OSError("broken")

    stage.recorder.mount_opened = broken
    with caplog.at_level(logging.ERROR):
        mount = stage.mount()
    assert mount.open
    assert "a mount observer raised" in caplog.text


def test_what_was_lost_on_closed_mounts_stays_counted(stage: Any) -> None:
    class Dropping(stage.FakePublisher):  # type: ignore[misc]
        kernel_drops = 5

    table = stage.table(grace_s=0.0)
    assert table.closed_totals == MountTotals()
    for _ in range(2):
        publisher = Dropping()
        mount = table.open("/cam", stage.presentation(), publisher)
        reader = stage.FakeReader()
        stage.play(mount, reader)
        mount.tracks[0].write([b"no RTP"])
        mount.tracks[1].write_rtcp([b"no RTCP"])
        reader.dropped_packets, reader.dropped_bytes = 3, 3000
        mount.publisher_left(publisher, "gone")
        assert table.get("/cam") is None
    assert table.closed_totals == MountTotals(
        dropped_packets=6,
        dropped_bytes=6000,
        kernel_drops=10,
        invalid_packets=2,
        invalid_rtcp_packets=2,
    )


def test_only_mounts_that_a_changed_override_matches_are_looked_at(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, both = (
        MountOverride(pattern=pattern, grace_s=seconds)
        for pattern, seconds in (("/one", 1.0), ("/two", 2.0), ("*", 3.0))
    )
    table = stage.table((one, two, both))
    for path in ("/one", "/two"):
        table.open(path, stage.presentation(), stage.FakePublisher(path))
    looked_at: list[str] = []
    settings_for = table.settings_for

    def counted(path: str) -> MountSettings:
        looked_at.append(path)
        settings: MountSettings = settings_for(path)
        return settings

    monkeypatch.setattr(table, "settings_for", counted)
    settings = MountSettings()
    changed = MountOverride(pattern="/two", grace_s=2.0, max_readers=7)
    steps = [
        ((one, two, both), settings, (), []),
        ((one, changed, both), settings, ("/two",), ["/two"]),
        # The later one wins, so another order is another meaning.
        ((both, one, changed), settings, ("/one", "/two"), ["/one", "/two"]),
        ((both, one), settings, ("/two",), ["/two"]),
        ((both, one), MountSettings(max_readers=5), ("/one", "/two"), ["/one", "/two"]),
    ]
    for overrides, defaults, applied_to, expected in steps:
        looked_at.clear()
        assert table.apply(defaults, overrides) == applied_to
        assert looked_at == expected
    assert [mount.settings.grace_s for mount in table] == [1.0, 3.0]
