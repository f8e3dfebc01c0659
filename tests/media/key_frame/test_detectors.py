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


@pytest.mark.parametrize("encoding", sorted(DETECTORS))
def test_an_empty_batch(encoding: str) -> None:
    detector = key_frame_detector(encoding)
    assert detector is not None
    assert detector.find([]) == -1
