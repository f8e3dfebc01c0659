"""Publishers that replace each other at once: the media clock stays with the time that passes."""

from typing import Any

import pytest

from headwater.media.tracks.timeline import signed_32
from headwater.protocol.rtp import timestamp

VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
FRAME_S = 0.04


class Relay:
    """A mount whose publishers send 25 pictures a second, and what a reader gets of them."""

    def __init__(self, stage: Any, *, b_frames: bool) -> None:
        self._stage = stage
        self._b_frames = b_frames
        self._mount = stage.mount(VIDEO, publisher_idle_timeout_s=0, grace_s=60.0)
        self._publishers = 0
        self._reader = stage.FakeReader()
        stage.play(self._mount, self._reader, 0, instant=False)
        self._came: list[tuple[float, int]] = []
        self._reader.on_batch = lambda: self._came.append(
            (stage.now, timestamp(self._reader.packets[-1][1]))
        )

    def publish(self, pictures: int) -> None:
        """Another publisher sends, 15 ms after the last packet of the one before."""
        stage, mount = self._stage, self._mount
        number = self._publishers
        self._publishers += 1
        if number:
            mount.publisher_left(mount.publisher, "replaced")
            mount.publisher_arrived(stage.FakePublisher(str(number)), stage.presentation(VIDEO))
        source = stage.video(ssrc=100 + number, seq=number * 777)
        for place in self._order(pictures):
            source.timestamp = number * 7_777_777 + place * 3600
            mount.tracks[0].write(source.picture(1, key=place == 0))
            stage.advance(FRAME_S)
        stage.advance(0.015 - FRAME_S)

    @property
    def ahead_s(self) -> float:
        """How far the media ran ahead of the time that passed since the first packet."""
        began_s, began = self._came[0]
        return min(
            signed_32(each - began) / 90_000 - (now - began_s) for now, each in self._came[-4:]
        ) + (FRAME_S if self._b_frames else 0.0)

    def _order(self, pictures: int) -> list[int]:
        """As encoders send them: a picture, then the two B-frames that come before it."""
        if not self._b_frames:
            return list(range(pictures))
        order = [0]
        for first in range(1, pictures, 3):
            order += [first + 2, first, first + 1]
        return order[:pictures]


@pytest.mark.parametrize("replacements", [1, 40, 200])
def test_replacements_put_the_clock_ahead_by_one_gap_however_many(
    stage: Any, replacements: int
) -> None:
    relay = Relay(stage, b_frames=False)
    for _ in range(1 + replacements):
        relay.publish(15)
    assert 0 <= relay.ahead_s <= 0.1
    stage.advance(1.0)
    relay.publish(15)
    assert relay.ahead_s == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize("pictures", [13, 14, 15], ids=["B-frames", "a P-frame", "a B-frame"])
def test_what_b_frames_force_ahead_is_taken_back_and_no_more(stage: Any, pictures: int) -> None:
    """A publisher may end behind a picture whose B-frames never came: time goes on after it."""
    relay = Relay(stage, b_frames=True)
    for _ in range(40):
        relay.publish(pictures)
    assert relay.ahead_s > -0.1
    stage.advance(5.0)
    relay.publish(13)
    assert relay.ahead_s == pytest.approx(0.0, abs=0.1)
    for _ in range(40):
        relay.publish(13)
    assert -0.1 < relay.ahead_s < 0.2
