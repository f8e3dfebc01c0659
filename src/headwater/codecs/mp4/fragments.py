"""Fragments: `moof`, which says where and when, and `mdat`, which holds (ISO/IEC 14496-12 §8.8)."""

from collections.abc import Collection, Sequence
from struct import Struct

from headwater.codecs.mp4.boxes import full_box
from headwater.codecs.mp4.sample import Sample

_MOST = 0xFFFFFFFF
# §8.8.3.1: a key frame depends on no other; all else does, and no decoder can begin there.
_KEY_FRAME, _OTHER_FRAME = 0x02000000, 0x01010000
_FROM_FRAGMENT = 0x020000
"""§8.8.7.1, default-base-is-moof: places in the file count from the fragment's first byte."""
_ALL_IS_TOLD = 0x000F01
"""§8.8.8.1: where the data begins; duration, size, flags and offset of each sample."""
_SIGNED_OFFSETS = 1
# Boxes of a fragment, by what they have in bytes; a run has 16 more for each sample.
_FRAGMENT_BYTES = 8 + 16 + 8 + 16 + 20
_RUN_BYTES = 20
_SAMPLE = Struct(">IIIi")
_SAMPLE_BYTES = _SAMPLE.size
_HEAD = Struct(">I4sI4s4xI")
_TRACK = Struct(">I4sI4sIII4sI")
_RUN = Struct(">I4sIII")
# A fragment of one sample, whose sizes are always the same.
_ONE = Struct(">20sI36sQ20sIIIiI4s")
_ONE_BYTES = _FRAGMENT_BYTES + _RUN_BYTES + _SAMPLE_BYTES
_ONE_HEAD = _HEAD.pack(_ONE_BYTES, b"moof", 16, b"mfhd", 0)[:-4]
_ONE_RUN = _RUN.pack(
    _RUN_BYTES + _SAMPLE_BYTES,
    b"trun",
    _SIGNED_OFFSETS << 24 | _ALL_IS_TOLD,
    1,
    _ONE_BYTES + 8,
)


class FragmentWriter:
    """Writes the fragments of one stream.

    Args:
        track_ids: of all its tracks.

    Attributes:
        sequence_number: of the last fragment.
    """

    __slots__ = ("_one_track", "sequence_number")

    def __init__(self, track_ids: Collection[int]) -> None:
        self.sequence_number = 0
        self._one_track = {
            number: _track_boxes(number, _RUN_BYTES + _SAMPLE_BYTES) for number in track_ids
        }

    def frame(self, track_id: int, sample: Sample) -> bytes:
        """Return a fragment of one frame: the quickest way."""
        parts, size, decode_time, duration, offset, key_frame = sample
        self.sequence_number = number = self.sequence_number + 1 & _MOST
        head = _ONE.pack(
            _ONE_HEAD,
            number,
            self._one_track[track_id],
            decode_time,
            _ONE_RUN,
            duration,
            size,
            _KEY_FRAME if key_frame else _OTHER_FRAME,
            offset,
            size + 8,
            b"mdat",
        )
        return b"".join((head, *parts))

    def fragment(self, track_id: int, samples: Sequence[Sample]) -> bytes:
        """Return a fragment of frames that follow each other.

        Each lasts until the next, however long it was said to last; the last one as it says.
        """
        self.sequence_number = number = self.sequence_number + 1 & _MOST
        rows: list[bytes] = []
        following = [sample.decode_time for sample in samples[1:]]
        following.append(samples[-1].decode_time + samples[-1].duration)
        for sample, until in zip(samples, following, strict=True):
            flags = _KEY_FRAME if sample.key_frame else _OTHER_FRAME
            duration = until - sample.decode_time
            rows.append(_SAMPLE.pack(duration, sample.size_bytes, flags, sample.offset))
        run_bytes = _RUN_BYTES + _SAMPLE_BYTES * len(rows)
        size = _FRAGMENT_BYTES + run_bytes
        run = _SIGNED_OFFSETS << 24 | _ALL_IS_TOLD
        data_bytes = 8 + sum(sample.size_bytes for sample in samples)
        return b"".join(
            (
                _HEAD.pack(size, b"moof", 16, b"mfhd", number),
                _track_boxes(track_id, run_bytes),
                samples[0].decode_time.to_bytes(8, "big"),
                _RUN.pack(run_bytes, b"trun", run, len(rows), size + 8),
                *rows,
                data_bytes.to_bytes(4, "big"),
                b"mdat",
                *(part for sample in samples for part in sample.parts),
            )
        )


def producer_time(track_id: int, ntp: int, decode_time: int) -> bytes:
    """Return `prft`, which stands in front of a fragment (ISO/IEC 14496-12 §8.16.5).

    Args:
        track_id: of the fragment's track.
        ntp: the wall clock at the fragment's first sample, 64-bit NTP time stamp.
        decode_time: of this sample.
    """
    return full_box(b"prft", 1, 0, Struct(">IQQ").pack(track_id, ntp, decode_time))


def _track_boxes(track_id: int, run_bytes: int) -> bytes:
    """Return `traf` up to the decode time: which track, and how long the boxes are."""
    size = 8 + 16 + 20 + run_bytes
    return _TRACK.pack(
        size, b"traf", 16, b"tfhd", _FROM_FRAGMENT, track_id, 20, b"tfdt", _SIGNED_OFFSETS << 24
    )
