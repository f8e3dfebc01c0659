import logging
from typing import Any

import pytest

from headwater.media.observer import MountObserver, tell


def test_an_observer_that_overrides_nothing_is_told_in_vain(stage: Any) -> None:
    observer = MountObserver()
    stage.recorder = observer
    mount = stage.mount()
    reader = stage.FakeReader()
    stage.play(mount, reader)
    mount.remove_reader(reader)
    mount.close("over")
    assert not mount.open


def test_what_an_observer_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def event(_: object) -> None:
        raise OSError("broken")

    with caplog.at_level(logging.ERROR):
        tell(event, 1)
    assert caplog.records[0].__dict__["event_name"] == "event"


def test_the_payload_is_handed_over() -> None:
    told: list[object] = []
    tell(lambda *payload: told.extend(payload), 1, "two")
    assert told == [1, "two"]
