"""Detectors on packets that real encoders and packetisers sent."""

from pathlib import Path

import pytest

from headwater.media.key_frame import KeyFrameDetector, key_frame_detector
from headwater.protocol.rtp import timestamp

CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.txt"))
ENCODINGS = {"mjpeg": "JPEG"}


def load(path: Path) -> tuple[KeyFrameDetector, list[bytes], list[int]]:
    lines = path.read_text().splitlines()
    keys = [int(word) for word in lines[1].partition(": ")[2].split()]
    codec = path.stem.split("-")[1]
    detector = key_frame_detector(ENCODINGS.get(codec, codec))
    assert detector is not None
    return detector, [bytes.fromhex(line) for line in lines[2:]], keys


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
@pytest.mark.parametrize("batch_packets", [1, 2, 3, 4, 5])
def test_each_key_frame_is_found_once_however_it_is_split(path: Path, batch_packets: int) -> None:
    for first_batch in range(1, batch_packets + 1):
        detector, packets, keys = load(path)
        batches = [packets[:first_batch]]
        batches += [
            packets[at : at + batch_packets]
            for at in range(first_batch, len(packets), batch_packets)
        ]
        starts = [(batch, detector.find(batch)) for batch in batches]
        found = [timestamp(batch[index]) for batch, index in starts if index >= 0]
        assert found == keys


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_nothing_a_decoder_needs_stands_before_the_start(path: Path) -> None:
    detector, packets, keys = load(path)
    for key in keys:
        unit = [packet for packet in packets if timestamp(packet) == key]
        skipped = unit[: detector.find(unit)]
        # Only an access unit delimiter (H.264 type 9) may stand before.
        assert [packet[12] & 0x1F for packet in skipped] in ([], [9])
