"""Films of real encoders in MP4: PyAV decodes every picture, each the one of the source."""

from __future__ import annotations

import pytest
from films import CODECS, RATE_HZ, Film, film, picture_hash
from fuzz.mp4_boxes import read_fragments, read_init
from mp4_player import opened
from recorder import Written, written
from rtp_units import fed

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.frame_times import LineStart
from headwater.codecs.mp4.track import Mp4Track
from headwater.protocol.sdp import MediaDescription

NAMES = [name for name in CODECS if name not in ("vp8", "mjpeg")]
FRAME = 90_000 // RATE_HZ


def taker_of(name: str) -> Depacketizer[TrackConfig]:
    encoding = name.partition("-")[0].upper().replace("MJPEG", "JPEG")
    # ffmpeg sends JPEG with its static payload type.
    media = MediaDescription.parse(["m=video 0 RTP/AVP 96 26", f"a=rtpmap:96 {encoding}/90000"])
    taker = depacketizer_for(media)
    assert taker is not None
    return taker


def recorded(
    name: str, *, frames: int = 1, in_band: bool = False
) -> tuple[Film, list[AccessUnit], Written]:
    shown, taker = film(name), taker_of(name)
    units = fed(taker, shown.rtp)
    return shown, units, written(units, taker.config, 90_000, frames=frames, in_band=in_band)


@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_that_of_the_source(name: str, frames: int) -> None:
    shown, units, made = recorded(name, frames=frames)
    with opened(made.file) as container:
        (stream,) = container.streams.video
        packets = [packet for packet in container.demux(stream) if packet.size]
    with opened(made.file) as container:
        decoded = list(container.decode(video=0))
    assert [picture_hash(picture) for picture in decoded] == list(shown.pictures)
    assert len(packets) == len(units)
    # Pictures are shown when their encoder said, and decoded in time, one behind the other.
    moments = [packet.pts for packet in packets if packet.pts is not None]
    assert moments == [90_000 + (moment - shown.moments[0]) * FRAME for moment in shown.moments]
    decodes = [packet.dts for packet in packets if packet.dts is not None]
    assert decodes == sorted(set(decodes))
    assert all(packet.dts <= packet.pts for packet in packets if packet.pts and packet.dts)
    assert [packet.is_keyframe for packet in packets] == [unit.key_frame for unit in units]


@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("name", NAMES)
def test_every_box_says_what_is_there(name: str, frames: int) -> None:
    _, units, made = recorded(name, frames=frames)
    file = read_init(made.init)
    for fragment in made.fragments:
        read_fragments(file, fragment)
    (track,) = file.tracks.values()
    assert (track.kind, track.timescale) == (b"vide", 90_000)
    assert file.fragments == -(-len(units) // frames)
    assert [(one.content, one.decode_time, one.offset, one.key_frame) for one in track.samples] == [
        (b"".join(one.parts), one.decode_time, one.offset, one.key_frame) for one in made.samples
    ]
    # Frames of a fragment last until the next.
    assert {one.duration for one in track.samples[1:-1]} == {FRAME}


@pytest.mark.parametrize("name", ["h264", "h265"])
def test_parameter_sets_stand_in_their_entry_alone(name: str) -> None:
    taker = taker_of(name)
    units = fed(taker, film(name).rtp)
    made = written(units, taker.config, 90_000)
    sets = getattr(taker, "parameter_sets")  # noqa: B009 - of both kinds of depacketizers
    assert all(one in made.init for one in sets)
    assert not any(one in fragment for one in sets for fragment in made.fragments)


def test_parameter_sets_of_avc3_stand_in_front_of_key_frames_alone() -> None:
    shown, units, made = recorded("h264", in_band=True)
    assert b"avc3" in made.init
    assert made.name.startswith("avc3.")
    sets = units[0].units[:2]
    assert not any(one in made.init for one in sets)
    for unit, fragment in zip(units, made.fragments, strict=True):
        assert all(one in fragment for one in sets) is unit.key_frame
    with opened(made.file) as container:
        pictures = [picture_hash(picture) for picture in container.decode(video=0)]
    assert pictures == list(shown.pictures)


@pytest.mark.parametrize("name", ["vp8", "mjpeg"])
def test_what_no_browser_plays_in_mp4_is_left_out(name: str) -> None:
    shown, taker = film(name), taker_of(name)
    units = fed(taker, shown.rtp)
    assert len(units) == len(shown.packets)
    track = Mp4Track(1, 90_000, LineStart(0, 0.0))
    assert taker.config is not None
    assert [track.sample(unit, taker.config, 1.0) for unit in units] == [None] * len(units)
    assert track.init is None


def test_a_change_of_the_picture_is_another_initialisation_segment() -> None:
    films = [(taker_of(name), film(name)) for name in ("h264", "h264-baseline")]
    track = Mp4Track(1, 90_000, LineStart(0, 0.0))
    inits = []
    for taker, shown in films:
        for unit in fed(taker, shown.rtp):
            assert track.sample(unit, taker.config, 1.0) is not None
            inits.append(track.init)
    kinds = {id(init): init.entry.name for init in inits if init is not None}
    assert [name[:7] for name in kinds.values()] == ["avc1.64", "avc1.42"]
    assert track.configure(films[1][0].config) is inits[-1]
