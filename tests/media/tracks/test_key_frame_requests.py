"""When a publisher is asked for a key frame, and how."""

from typing import Any

import pytest

from headwater.media.mount import Mount
from headwater.protocol.rtcp import Feedback, FeedbackKind, ReceiverReport, parse_rtcp

VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
OPUS = "m=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n"
UNKNOWN = "m=video 0 RTP/AVP 96\na=rtpmap:96 DIRAC/90000\n"
METADATA = "m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\n"
PLI = "a=rtcp-fb:96 nack pli\n"
FIR = "a=rtcp-fb:96 ccm fir\n"


class Scene:
    """A mount without instant start, whose publisher has sent something that is no key frame."""

    def __init__(self, stage: Any, *media: str, **settings: Any) -> None:
        self.stage = stage
        self.mount: Mount = stage.mount(*(media or (VIDEO, OPUS)), **settings)
        self.publisher = self.mount.publisher
        self.source = stage.video()
        self.send()

    def send(self, *, key: bool = False) -> None:
        self.mount.tracks[0].write(self.source.picture(3, key=key))

    def want(self, index: int = 0) -> None:
        self.mount.request_key_frame(self.mount.tracks[index])

    def pass_by(self, seconds: float) -> None:
        """Let time go by, then the upkeep come."""
        self.stage.advance(seconds)
        self.mount.check(self.stage.now)

    @property
    def asked(self) -> list[Feedback]:
        found = []
        for _, compound in self.publisher.rtcp:
            parts = parse_rtcp(compound)
            # RFC 3550 §6.1: a compound begins with a report.
            assert isinstance(parts[0], ReceiverReport)
            found += [part for part in parts if isinstance(part, Feedback)]
        return found


def test_requests_within_a_second_become_one_more_when_it_is_over(stage: Any) -> None:
    scene = Scene(stage)
    for _ in range(5):
        scene.want()
    assert len(scene.asked) == 1
    scene.pass_by(0.9)
    assert len(scene.asked) == 1
    scene.pass_by(0.1)
    assert len(scene.asked) == 2
    scene.pass_by(5)
    assert len(scene.asked) == 2, "nobody asked again"
    assert scene.mount.snapshot().tracks[0].key_frame_requests == 2


def test_a_key_frame_fulfils_the_request_that_waits(stage: Any) -> None:
    scene = Scene(stage)
    scene.want()
    scene.want()
    scene.send(key=True)
    scene.pass_by(1)
    assert len(scene.asked) == 1


def test_a_request_after_the_key_frame_is_another_one(stage: Any) -> None:
    scene = Scene(stage)
    scene.want()
    scene.send(key=True)
    scene.want()
    scene.pass_by(1)
    assert len(scene.asked) == 2


def test_each_track_has_its_own_second(stage: Any) -> None:
    scene = Scene(stage, VIDEO, VIDEO)
    scene.mount.tracks[1].write(stage.video(ssrc=0x3333).picture(3))
    scene.want(0)
    scene.want(1)
    assert [request.media_ssrc for request in scene.asked] == [0x1111, 0x3333]


@pytest.mark.parametrize(
    ("media", "requests"), [(VIDEO, 1), (UNKNOWN, 1), (OPUS, 0), (METADATA, 0)]
)
def test_only_pictures_are_asked_for(stage: Any, media: str, requests: int) -> None:
    scene = Scene(stage, media)
    scene.want()
    assert len(scene.asked) == requests


def test_a_codec_whose_key_frames_cannot_be_told_is_asked_again(stage: Any) -> None:
    scene = Scene(stage, UNKNOWN)
    scene.want()
    scene.want()
    scene.send(key=True)
    scene.pass_by(1)
    assert len(scene.asked) == 2


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [
        ("", FeedbackKind.PLI),
        (PLI, FeedbackKind.PLI),
        (PLI + FIR, FeedbackKind.PLI),
        (FIR, FeedbackKind.FIR),
    ],
    ids=["nothing said", "pli", "both", "fir"],
)
def test_what_the_description_says_decides_how_it_is_asked(
    stage: Any, feedback: str, kind: FeedbackKind
) -> None:
    scene = Scene(stage, VIDEO + feedback)
    scene.want()
    [request] = scene.asked
    assert request.kind is kind
    # RFC 5104 §4.3.1.2: the field that names the source in a PLI is 0 in a FIR.
    assert request.media_ssrc == (0x1111 if kind is FeedbackKind.PLI else 0)


def test_every_fir_has_a_number_of_its_own(stage: Any) -> None:
    scene = Scene(stage, VIDEO + FIR)
    for _ in range(3):
        scene.want()
        stage.advance(1)
    assert [request.asked for request in scene.asked] == [((0x1111, n),) for n in (1, 2, 3)]


def test_a_publisher_that_took_over_is_asked_by_its_own_source(stage: Any) -> None:
    scene = Scene(stage)
    scene.send(key=True)
    reader = stage.FakeReader()
    stage.play(scene.mount, reader)
    scene.mount.publisher_left(scene.publisher, "gone")
    scene.publisher = stage.FakePublisher("q")
    scene.mount.publisher_arrived(scene.publisher, scene.mount.presentation)
    scene.source = stage.video(ssrc=0x7777, seq=9, timestamp=5)
    scene.want()
    assert scene.asked == [], "its source is not known yet"
    scene.send()
    assert scene.mount.tracks[0].ssrc == 0x1111, "what readers know"
    scene.pass_by(1)
    assert [request.media_ssrc for request in scene.asked] == [0x7777]


def test_a_request_without_a_publisher_waits_for_the_next_one(stage: Any) -> None:
    scene = Scene(stage)
    stage.play(scene.mount, stage.FakeReader())
    before = len(scene.asked)
    scene.mount.publisher_left(scene.publisher, "gone")
    scene.want()
    scene.pass_by(1)
    assert len(scene.asked) == before
    scene.publisher = stage.FakePublisher("q")
    scene.mount.publisher_arrived(scene.publisher, scene.mount.presentation)
    scene.send(key=True)
    scene.pass_by(1)
    assert scene.asked == [], "its first picture was what was wanted"


@pytest.mark.parametrize(
    ("instant", "cached", "requests"),
    [(True, True, 0), (True, False, 1), (False, True, 1), (False, False, 1)],
)
def test_a_reader_that_begins_without_a_key_frame_causes_a_request(
    stage: Any, instant: bool, cached: bool, requests: int
) -> None:
    scene = Scene(stage)
    scene.send(key=cached)
    reader = stage.FakeReader()
    stage.play(scene.mount, reader, instant=instant)
    assert len(scene.asked) == requests


def test_a_reader_of_sound_alone_causes_none(stage: Any) -> None:
    scene = Scene(stage)
    stage.play(scene.mount, stage.FakeReader(), 1)
    assert scene.asked == []


def test_the_publisher_may_answer_at_once_and_the_reader_gets_the_answer(stage: Any) -> None:
    scene = Scene(stage)
    scene.publisher.send_rtcp = lambda *_: scene.send(key=True)
    reader = stage.FakeReader()
    stage.play(scene.mount, reader)
    assert reader.seqs() == [103, 104, 105]


def test_the_owner_may_forbid_it(stage: Any) -> None:
    scene = Scene(stage, request_key_frames=False)
    scene.want()
    stage.play(scene.mount, stage.FakeReader())
    scene.pass_by(2)
    assert scene.asked == []


def test_what_a_publisher_raises_does_not_reach_who_asked(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(stage)

    def broken(*_: object) -> None:
        raise OSError("no way")

    scene.publisher.send_rtcp = broken
    reader = stage.FakeReader()
    stage.play(scene.mount, reader)
    scene.send()
    assert reader.seqs() == [103, 104, 105]
    assert "no way" in caplog.text
