"""Fragments of several tracks, and what stands in front of them."""

from __future__ import annotations

import pytest
from films import film, picture_hash
from fuzz.mp4_boxes import ReadFile, read_fragments, read_init
from mp4_player import opened
from recorder import written
from rtp_units import fed
from sounds import sound

from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.mp4.fragments import FragmentWriter, producer_time
from headwater.codecs.mp4.init_segment import InitTrack, init_segment
from headwater.codecs.mp4.sample import Sample
from headwater.codecs.mp4.sample_entry import sample_entry
from headwater.codecs.opus import OpusConfig
from headwater.protocol.sdp import MediaDescription

OPUS = sample_entry(OpusConfig())


def sample(at: int, *, key_frame: bool = True, offset: int = 0, content: bytes = b"x") -> Sample:
    return Sample((content, b"."), len(content) + 1, at, 100, offset, key_frame)


def empty_file(*numbers: int) -> ReadFile:
    assert OPUS is not None
    return read_init(init_segment([InitTrack(number, 48_000, OPUS) for number in numbers]))


def test_frames_alone_and_together_are_of_one_file() -> None:
    file, writer = empty_file(1, 7), FragmentWriter([1, 7])
    read_fragments(file, writer.frame(1, sample(0)))
    read_fragments(file, writer.fragment(7, [sample(0), sample(90, key_frame=False, offset=-5)]))
    read_fragments(file, writer.frame(1, sample(110, key_frame=False, offset=2**31 - 1)))
    read_fragments(file, writer.fragment(1, [sample(2**40)]))
    assert [
        (one.decode_time, one.duration, one.offset, one.key_frame, one.content)
        for one in file.tracks[1].samples
    ] == [
        (0, 100, 0, True, b"x."),
        (110, 100, 2**31 - 1, False, b"x."),
        (2**40, 100, 0, True, b"x."),
    ]
    # Of a fragment's samples all but the last last until the next.
    assert [(one.duration, one.offset) for one in file.tracks[7].samples] == [(90, 0), (100, -5)]
    assert file.fragments == writer.sequence_number == 4


@pytest.mark.parametrize("key_frame", [True, False])
def test_one_frame_is_the_same_either_way(key_frame: bool) -> None:
    one = sample(1_234, key_frame=key_frame, offset=77, content=bytes(5_000))
    assert FragmentWriter([3]).frame(3, one) == FragmentWriter([3]).fragment(3, [one])


def test_sequence_numbers_begin_anew_after_four_milliards() -> None:
    writer = FragmentWriter([1])
    writer.sequence_number = 0xFFFFFFFF
    assert writer.frame(1, sample(0))[20:24] == bytes(4)


def test_the_wall_clock_in_front_of_a_fragment() -> None:
    file, writer = empty_file(1), FragmentWriter([1])
    ntp = 0xE5_00_00_00_80_00_00_00
    read_fragments(file, producer_time(1, ntp, 960) + writer.frame(1, sample(960)))
    assert file.wall_clocks == [(1, ntp, 960)]


def test_a_picture_and_its_sound_play_from_one_file() -> None:
    shown, heard = film("h264"), sound("opus", 2)
    numbers = {
        1: ("m=video 0 RTP/AVP 96", "H264/90000"),
        2: ("m=audio 0 RTP/AVP 97", "opus/48000/2"),
    }
    pieces: list[tuple[float, int, Sample]] = []
    inits = []
    for number, packets in ((1, shown.rtp), (2, heard.rtp)):
        head, name = numbers[number]
        media = MediaDescription.parse([head, f"a=rtpmap:{95 + number} {name}"])
        taker = depacketizer_for(media)
        assert taker is not None
        units = fed(taker, packets)
        made = written(units, taker.config, media.clock_rate_hz)
        pieces += [(one.decode_time / media.clock_rate_hz, number, one) for one in made.samples]
        assert taker.config is not None
        entry = sample_entry(taker.config)
        assert entry is not None
        inits.append(InitTrack(number, media.clock_rate_hz, entry))
    writer = FragmentWriter([1, 2])
    file = init_segment(inits) + b"".join(
        writer.frame(number, one) for _, number, one in sorted(pieces, key=lambda piece: piece[:2])
    )
    with opened(file) as container:
        pictures = [picture_hash(picture) for picture in container.decode(video=0)]
    with opened(file) as container:
        frames = list(container.decode(audio=0))
    assert pictures == list(shown.pictures)
    assert len(frames) == sum(number == 2 for _, number, _ in pieces)
    assert frames[0].time == 1.0
