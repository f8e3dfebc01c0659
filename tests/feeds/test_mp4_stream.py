"""What a mount carries, by its feed to a file that PyAV plays: each frame, picture with sound."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from films import RATE_HZ, film, picture_hash
from fuzz.mp4_boxes import read_fragments, read_init
from mp4_player import opened
from nal_units import H264
from rtp_units import marked
from sounds import sound

from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mp4_stream import Mp4Head, Mp4Stream
from headwater.media.mount import Mount
from headwater.protocol.rtcp_build import sender_report
from headwater.protocol.rtp import rewrite, ssrc, timestamp

UNIX_S = 1_800_000_000.0


class Viewer:
    """Takes of a mount and writes a file, one fragment a frame."""

    def __init__(self, stage: Any, mount: Mount, tracks: tuple[int, ...] = (0, 1)) -> None:
        self.heads: list[Mp4Head] = []
        self.file = b""
        self.times: dict[int, list[float]] = {}
        self._writer: FragmentWriter | None = None
        self.tap = stage.feeds.take(mount, self.take, tracks=tracks)
        self.stream = Mp4Stream(
            stage.feeds.get(mount),
            tracks,
            clock=stage.clock,
            unix_time=lambda: UNIX_S + stage.now - 1_000,
        )

    def take(self, fed: FedUnit) -> None:
        made = self.stream.sample(fed)
        head = self.stream.head
        if head is not None and (not self.heads or head is not self.heads[-1]):
            self.heads.append(head)
            self.file += head.init if len(self.heads) == 1 else b""
        if made is None:
            return
        number, sample = made
        if self._writer is None:
            self._writer = FragmentWriter(self.stream.track_ids)
        self.file += self._writer.frame(number, sample)
        unix_s = self.stream.unix_s(number, sample.decode_time + sample.offset)
        self.times.setdefault(number, []).append(unix_s)


def sends(stage: Any, mount: Mount, pieces: list[tuple[float, int, bytes]]) -> None:
    """Send packets of both tracks, each at its time."""
    began = stage.now
    for at_s, track, packet in sorted(pieces, key=lambda piece: piece[:2]):
        stage.turns(max(0.0, began + at_s - stage.now))
        mount.tracks[track].write([packet])
    stage.turns()


def timed(packets: tuple[bytes, ...], track: int, rate_hz: int) -> list[tuple[float, int, bytes]]:
    first = timestamp(packets[0])
    seconds = [(timestamp(packet) - first & 0xFFFFFFFF) / rate_hz for packet in packets]
    # A packet comes when all packets before it have come.
    return [(max(seconds[: at + 1]), track, packet) for at, packet in enumerate(packets)]


AAC = "sizelength=13;indexlength=3;indexdeltalength=3;config="


def described(sounds_like: str) -> tuple[str, str]:
    """The picture's and the sound's section of a description."""
    made = sound(sounds_like, 2)
    maps = {
        "opus": "a=rtpmap:97 opus/48000/2\n",
        "aac": f"a=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 {AAC}{made.config.hex()}\n",
    }
    video = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    return video, "m=audio 0 RTP/AVP 97\n" + maps[sounds_like]


@pytest.mark.parametrize(
    ("name", "sounds_like", "codec", "samples"),
    [
        ("h264", "opus", "opus", 960),
        ("h264-b", "opus", "opus", 960),
        ("h264-b", "aac", "mp4a.40.2", 1_024),
    ],
)
def test_picture_and_sound_are_those_of_the_source(
    stage: Any, name: str, sounds_like: str, codec: str, samples: int
) -> None:
    mount: Mount = stage.mount(*described(sounds_like))
    shown, heard = film(name), sound(sounds_like, 2)
    viewer = Viewer(stage, mount)
    sends(stage, mount, [*timed(shown.rtp, 0, 90_000), *timed(heard.rtp, 1, 48_000)])
    (head,) = viewer.heads
    assert head.mime_type.startswith('video/mp4; codecs="avc1.')
    assert head.mime_type.endswith(f',{codec}"')
    file = read_init(head.init)
    read_fragments(file, viewer.file[len(head.init) :])
    assert len(file.tracks[1].samples) == len(shown.packets)
    with opened(viewer.file) as container:
        pictures = list(container.decode(video=0))
    assert [picture_hash(picture) for picture in pictures] == list(shown.pictures)
    assert [picture.time for picture in pictures] == [
        pytest.approx(1 + place / RATE_HZ) for place in range(len(pictures))
    ]
    with opened(viewer.file) as container:
        frames = list(container.decode(audio=0))
    assert all(one.pts is not None for one in frames)
    # Sound that came in front of the first picture is left out; what follows is with it.
    assert 0.9 < float(frames[0].time or 0) < 1.1
    assert {(two.pts or 0) - (one.pts or 0) for one, two in pairwise(frames)} == {samples}


def test_who_comes_later_begins_with_the_last_key_frame_at_once(stage: Any) -> None:
    mount: Mount = stage.mount()
    shown = film("h264")
    first = Viewer(stage, mount, (0,))
    sends(stage, mount, timed(shown.rtp, 0, 90_000))
    late = Viewer(stage, mount, (0,))
    stage.turns()
    with opened(late.file) as container:
        pictures = [picture_hash(picture) for picture in container.decode(video=0)]
    assert pictures == list(shown.pictures[20:])
    # Each begins its own line; the wall clock is the same for both.
    assert late.times[1] == pytest.approx(first.times[1][20:], abs=0.001)


@pytest.mark.parametrize("reported", [True, False])
def test_reports_tell_better_than_arrival_what_is_said_when(stage: Any, reported: bool) -> None:
    mount: Mount = stage.mount()
    shown, heard = film("h264"), sound("opus", 2)
    viewer = Viewer(stage, mount)
    if reported:
        # One instant on both clocks.
        for track, packets in ((0, shown.rtp), (1, heard.rtp)):
            report = sender_report(
                ssrc(packets[0]),
                ntp=0xE5_00_00_00_00_00_00_00,
                rtp_timestamp=timestamp(packets[0]),
                packets=0,
                octets=0,
                cname="camera",
            )
            mount.tracks[track].write([packets[0]])
            mount.tracks[track].write_rtcp([report])
    # Sound comes late: 300 ms behind the picture of its time.
    late = [(at_s + 0.3, 1, packet) for at_s, _, packet in timed(heard.rtp[1:], 1, 48_000)]
    sends(stage, mount, [*timed(shown.rtp[1 if reported else 0 :], 0, 90_000), *late])
    file = read_init(viewer.heads[0].init)
    read_fragments(file, viewer.file[len(viewer.heads[0].init) :])
    begins_s = file.tracks[2].samples[0].decode_time / 48_000
    content = file.tracks[2].samples[0].content
    first = [packet[12:] for packet in heard.rtp].index(content)
    by_samples_s = (timestamp(heard.rtp[first]) - timestamp(heard.rtp[0])) / 48_000
    off_s = 0.0 if reported else 0.3
    assert begins_s == pytest.approx(1 + by_samples_s + off_s, abs=0.045)


def test_a_step_of_the_cameras_clock_is_no_step_of_the_line(stage: Any) -> None:
    mount: Mount = stage.mount()
    shown = film("h264")
    moved = [rewrite(packet, len(shown.rtp), 0x70000000, ssrc(packet)) for packet in shown.rtp]
    viewer = Viewer(stage, mount, (0,))
    sends(stage, mount, timed(shown.rtp, 0, 90_000))
    stage.turns(0.04)
    sends(stage, mount, timed(tuple(moved), 0, 90_000))
    with opened(viewer.file) as container:
        pictures = list(container.decode(video=0))
    assert [picture_hash(picture) for picture in pictures] == [*shown.pictures, *shown.pictures]
    seconds = [picture.time or 0.0 for picture in pictures]
    assert all(0.02 < two - one < 0.09 for one, two in pairwise(seconds))


def test_another_picture_is_another_head(stage: Any) -> None:
    mount: Mount = stage.mount()
    viewer = Viewer(stage, mount, (0,))
    other = H264.aggregate(H264.other_sps, H264.sets[1], H264.key)
    same = H264.aggregate(*H264.sets, H264.key)
    for place, payload in enumerate((same, same, other, other)):
        stage.send(mount, marked(payload, sequence=place, timestamp=3_600 * (place + 1)))
    assert [head.mime_type[-12:-1] for head in viewer.heads] == ["avc1.42c00b", "avc1.64000b"]


def test_sound_alone_begins_with_its_first_frame(stage: Any) -> None:
    mount: Mount = stage.mount("m=audio 0 RTP/AVP 0\n")
    heard = sound("pcmu")
    viewer = Viewer(stage, mount, (0,))
    sends(stage, mount, timed(heard.rtp, 0, 8_000))
    (head,) = viewer.heads
    assert head.mime_type == 'audio/mp4; codecs="flac"'
    with opened(viewer.file) as container:
        frames = list(container.decode(audio=0))
    assert sum(frame.samples for frame in frames) == sum(len(packet) - 12 for packet in heard.rtp)
    assert Fraction(frames[0].pts or 0, 8_000) == 1


def test_what_mp4_has_no_place_for_never_begins(stage: Any) -> None:
    mount: Mount = stage.mount("m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000\n")
    viewer = Viewer(stage, mount, (0,))
    sends(stage, mount, timed(film("vp8").rtp, 0, 90_000))
    assert (viewer.file, viewer.heads, viewer.stream.line) == (b"", [], None)


def test_the_line_knows_the_wall_clock(stage: Any) -> None:
    mount: Mount = stage.mount()
    viewer = Viewer(stage, mount, (0,))
    sends(stage, mount, timed(film("h264").rtp, 0, 90_000))
    # The picture came at the start of the stage's clock.
    assert viewer.times[1][0] == pytest.approx(UNIX_S, abs=0.001)
    assert viewer.times[1][-1] == pytest.approx(UNIX_S + 23 / RATE_HZ, abs=0.001)
