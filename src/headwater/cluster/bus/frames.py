"""The form of what travels on the bus: a head, then the lengths of packets, then the packets."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import Final

from headwater.media.tracks.packet_batch import PacketBatch

_HEAD: Final = struct.Struct(">BBHId")
"""Kind, track, number of packets, bytes behind the head, and when the batch arrived."""
MOST_FRAME_BYTES: Final = 64 << 20
_MOST_PACKETS: Final = 0xFFFF
_MOST_EPOCH_DIGITS: Final = 20
"""Of any number of 64 bits."""


class Kind(IntEnum):
    """What a frame is."""

    DESCRIPTION = 1
    """Of the mount: the claim's epoch and the mount's `Range`, then its SDP."""
    RTP = 2
    RTCP = 3
    END = 4
    """Nothing more comes; the reason."""
    KEY_FRAME = 5
    """One is wanted on this track: the only kind that goes from the reader to the publisher."""
    ABSENT = 6
    """Instead of a description: why the mount cannot be had, by one of the words of both sides."""
    CLOSED = 7
    """The mount is over, so nobody need wait for another publisher; the reason."""


_KINDS: Final = {int(kind): kind for kind in Kind}


class BusError(Exception):
    """What came is no frame; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What came: a batch has `packets`, every other kind a `text`.

    `arrived_s` is a time of the machine's monotonic clock, which all of its processes share.
    """

    kind: Kind
    track: int
    packets: list[bytes]
    text: bytes
    arrived_s: float


def batch_frame(kind: Kind, track: int, packets: Sequence[bytes], arrived_s: float) -> bytes:
    """Return the frame of a batch; of more packets than one frame has, several."""
    if len(packets) > _MOST_PACKETS:
        first, rest = packets[:_MOST_PACKETS], packets[_MOST_PACKETS:]
        return batch_frame(kind, track, first, arrived_s) + batch_frame(
            kind, track, rest, arrived_s
        )
    lengths = list(map(len, packets))
    count = len(lengths)
    head = _HEAD.pack(kind, track, count, 2 * count + sum(lengths), arrived_s)
    return b"".join((head, struct.pack(f">{count}H", *lengths), *packets))


def batch_framer(kind: Kind, track: int, ahead_s: float) -> Callable[[PacketBatch], bytes]:
    """Return what makes frames; `ahead_s` is how far the machine's clock is before the mount's."""

    def frame(batch: PacketBatch) -> bytes:
        return batch_frame(kind, track, batch.packets, batch.arrived_s + ahead_s)

    return frame


def text_frame(kind: Kind, text: bytes = b"", track: int = 0) -> bytes:
    """Return a frame that carries no batch."""
    return _HEAD.pack(kind, track, 0, len(text), 0.0) + text


def description_frame(epoch: int, range_text: str | None, sdp: bytes) -> bytes:
    """Return the first frame of a mount, which its publisher fills by the claim of this epoch."""
    return text_frame(Kind.DESCRIPTION, f"{epoch} {range_text or ''}\n".encode() + sdp)


def description_of(frame: Frame) -> tuple[int, str | None, bytes]:
    """Return epoch, Range and SDP of a mount. Raises BusError."""
    first, _, sdp = frame.text.partition(b"\n")
    epoch, _, range_text = first.partition(b" ")
    if not epoch.isdigit() or len(epoch) > _MOST_EPOCH_DIGITS:
        raise BusError("a description without an epoch")
    return int(epoch), range_text.decode(errors="replace") or None, sdp


class BusParser:
    """Cuts a stream into frames. Time and memory are bounded by what one frame may have."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are whole now. Raises BusError; then nothing more can be read."""
        if self._waiting:
            self._waiting += data
            if len(self._waiting) < _HEAD.size or len(self._waiting) < self._needed_bytes():
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        at = 0
        while len(data) - at >= _HEAD.size:
            head = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + head[3]
            if head[3] > MOST_FRAME_BYTES:
                raise BusError(f"a frame of {head[3]} bytes; at most {MOST_FRAME_BYTES} are taken")
            if end > len(data):
                break
            yield _frame(head, data, at + _HEAD.size, end)
            at = end
        self._waiting += data[at:]

    def _needed_bytes(self) -> int:
        size_bytes: int = _HEAD.unpack_from(self._waiting)[3]
        # A frame that is too long is refused by its head.
        return _HEAD.size + (size_bytes if size_bytes <= MOST_FRAME_BYTES else 0)


def _frame(head: tuple[int, int, int, int, float], data: bytes, start: int, end: int) -> Frame:
    number, track, count, _, arrived_s = head
    kind = _KINDS.get(number)
    if kind is None:
        raise BusError(f"a frame of kind {number}")
    if not count:
        return Frame(kind, track, [], data[start:end], arrived_s)
    body = start + 2 * count
    if body > end:
        raise BusError(f"{count} packets in {end - start} bytes")
    ends = list(accumulate(struct.unpack_from(f">{count}H", data, start), initial=body))
    if ends[-1] != end:
        raise BusError(f"the packets have {ends[-1] - body} bytes, the frame {end - body}")
    # Cut by calls that run in C, however many there are.
    packets = list(map(data.__getitem__, map(slice, ends, ends[1:])))
    return Frame(kind, track, packets, b"", arrived_s)
