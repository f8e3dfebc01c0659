import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.media.key_frame import DETECTORS, key_frame_detector
from headwater.media.key_frame.h265 import H265KeyFrames


@pytest.mark.parametrize(
    "encoding", ["H264", "h264", "H265", "HEVC", "VP8", "vp9", "AV1", "JPEG", "MP2T"]
)
def test_codecs_with_key_frames(encoding: str) -> None:
    first, second = key_frame_detector(encoding), key_frame_detector(encoding)
    assert first is not None
    assert first is not second


@pytest.mark.parametrize("encoding", ["", "MPEG4-GENERIC", "OPUS", "PCMU", "X-UNKNOWN"])
def test_codecs_without(encoding: str) -> None:
    assert key_frame_detector(encoding) is None


def test_both_names_of_h265() -> None:
    assert isinstance(key_frame_detector("hevc"), H265KeyFrames)


PACKETS = st.lists(
    st.builds(
        lambda first, rest, payload: bytes([0x80 | first]) + rest + payload,
        st.integers(0, 0x3F),
        st.binary(min_size=11, max_size=11),
        st.binary(max_size=40),
    ),
    max_size=6,
)


@pytest.mark.parametrize("encoding", sorted(DETECTORS))
@given(batches=st.lists(PACKETS, max_size=4))
def test_any_packets_give_an_index(encoding: str, batches: list[list[bytes]]) -> None:
    detector = key_frame_detector(encoding)
    assert detector is not None
    for packets in batches:
        assert -1 <= detector.find(packets) < max(1, len(packets))


# First bytes of payloads, and of fragments' headers: mostly slices, now and then something that
# matters, and bytes that matter in another place.
UNITS = st.sampled_from(
    [0x41, 0x5C, 0x5C, 0x65, 0x67, 0x68, 0x78, 0x06, 0x02, 0x62, 0x62, 0x26, 0x60, 0x40, 0x42]
)
HEADERS = st.sampled_from([0x01, 0x41, 0x81, 0x85, 0x88, 0x87, 0x93, 0x13, 0xA0, 0x06, 0x00])
RUNS = st.lists(
    st.builds(
        lambda first, moment, unit, header, more: (
            bytes([first, 96, 0, 1, 0, 0, 0, moment]) + bytes(4) + bytes([unit, header, more, 9])
        ),
        st.sampled_from([0x80, 0x80, 0x80, 0xA0, 0x90, 0x81]),
        st.integers(0, 3),
        UNITS,
        HEADERS,
        HEADERS,
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("encoding", sorted(DETECTORS))
@given(runs=st.lists(st.tuples(RUNS, st.integers(12, 16)), max_size=6))
def test_runs_tell_what_their_packets_tell(
    encoding: str, runs: list[tuple[list[bytes], int]]
) -> None:
    detectors = [key_frame_detector(encoding) for _ in range(3)]
    one_by_one, by_batch, by_run = detectors
    assert one_by_one is not None
    assert by_batch is not None
    assert by_run is not None
    look = getattr(one_by_one, "_look", one_by_one.find)
    for packets, last_bytes in runs:
        packets[-1] = packets[-1][:last_bytes]
        found = look(packets)
        assert by_batch.find(packets) == found
        assert by_run.find_in_run(b"".join(packets), len(packets[0])) == found


@pytest.mark.parametrize("encoding", sorted(DETECTORS))
def test_an_empty_batch(encoding: str) -> None:
    detector = key_frame_detector(encoding)
    assert detector is not None
    assert detector.find([]) == -1
