"""The parser of an RTSP connection: bytes in, requests, responses and `$` frames out."""

import re
from collections.abc import Iterable
from functools import lru_cache

from headwater.protocol.errors import HttpSpoken, LimitExceeded, ProtocolError
from headwater.protocol.foothold import find_foothold
from headwater.protocol.interleaved import DOLLAR, FRAME_HEADER_BYTES, run_in_frames
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.message_head import (
    declared_body_bytes,
    http_method,
    parse_head,
    salvaged_body_bytes,
    salvaged_cseq,
)
from headwater.protocol.plain_request import plain_request
from headwater.protocol.quirks import END_OF_CRLF_HEAD
from headwater.protocol.wire_limits import WireLimits

_BLANK_BYTES = b" \t\r\n"
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")
# What a message begins with: a method or "RTSP/1.0", ended by a blank or by the end of the line.
_FIRST_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_./\-]{0,39}(?:[ \t\r\n]|\Z)")
_FIRST_WORD_BYTES = 41
_CR, _LF = 0x0D, 0x0A
_TLS_HANDSHAKE = 0x16
_FIRST_LINE_STOP = re.compile(rb"[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f]")
# The empty line behind a head whose first line ended with LF alone.
_END_OF_LF_HEAD = re.compile(rb"\n\r?\n")
_HEAD_END_OVERLAP_BYTES = 2  # how much of a head's end may lie in what was scanned already

# One for all: CPython makes a new empty set of 216 bytes each time.
_NO_CHANNELS: frozenset[int] = frozenset()


class WireParser:
    """Both directions of an RTSP connection: `receive_data`, then `next_event` until None.

    A stream is messages and `$` frames in any order (RFC 2326 §10.12). Time is linear in the
    bytes received however they are cut, memory is bounded by the limits.

    Bytes that are neither are skipped up to the next message or believable frame, provided the
    stream made sense before (`garbage_bytes` counts them); a stream that begins with them is no
    RTSP and ends at once. A frame is believable on a channel that was seen before, or on one of
    `channels`: those that both sides agreed on, which may grow while the parser is used.
    """

    __slots__ = (
        "_agreed",
        "_awaited",
        "_body_bytes",
        "_buffer",
        "_carried_frame",
        "_channels",
        "_cut_frame_bytes",
        "_dead",
        "_discard_bytes",
        "_garbage_run_bytes",
        "_head_end",
        "_limits",
        "_needed_bytes",
        "_position",
        "_resyncing",
        "_scanned_bytes",
        "_start_offset",
        "_synced",
        "_tail",
        "_unfinished_offset",
        "at_rest",
        "garbage_bytes",
    )

    def __init__(self, *, limits: WireLimits | None = None, channels: Iterable[int] = ()) -> None:
        self.garbage_bytes = 0
        self._agreed = channels
        self._limits = limits or WireLimits()
        # Unread bytes are `_buffer[_position:]`. While a message is cut, `_tail` collects all
        # unread bytes instead, and becomes the buffer when `_needed_bytes` are there.
        self._buffer = b""
        self._position = 0
        self._start_offset = 0  # position of the buffer's (or the tail's) first byte in the stream
        self._tail = bytearray()
        self._needed_bytes = 1
        # A frame that two reads brought: its whole length while it is cut, then its bytes.
        self._cut_frame_bytes = 0
        self._carried_frame = b""
        # How far a head that waits for its end was looked through.
        self._scanned_bytes = 0
        # What ends it, once its first line has told.
        self._head_end: re.Pattern[bytes] | None = None
        # A message that waits for its body; the body of a refused one is stepped over.
        self._awaited: Request | Response | None = None
        self._body_bytes = 0
        self._discard_bytes = 0
        # Where the message whose body is awaited or stepped over began, or the garbage.
        self._unfinished_offset: int | None = None
        # Whether the stream ever made sense; whether it is being searched for its next step.
        self._synced = False
        self._resyncing = False
        self._garbage_run_bytes = 0
        # A set of its own takes 216 bytes, and most connections never see a frame.
        self._channels = _NO_CHANNELS
        self._dead = False
        # Whether nothing is here, and all that came since it was so was taken whole.
        self.at_rest = True

    @property
    def partial(self) -> bool:
        """Whether bytes of an unfinished message or frame wait for the rest."""
        return bool(
            self._position < len(self._buffer)
            or self._tail
            or self._carried_frame
            or self._awaited is not None
            or self._discard_bytes
        )

    @property
    def unread(self) -> bytes:
        """The bytes behind the last message or frame that was returned."""
        return self._carried_frame + (bytes(self._tail) or self._buffer[self._position :])

    @property
    def offset(self) -> int:
        """Position in the stream where the first message or frame begins that is not finished.

        While `partial` stays true and this stays the same, it is one and the same message that
        waits (or one and the same stretch of garbage): a deadline may run on it.
        """
        if self._unfinished_offset is not None:
            return self._unfinished_offset
        return self._start_offset + self._position - len(self._carried_frame)

    def receive_data(self, data: bytes) -> None:
        """Take what one read of the connection brought; after a fatal error it is ignored."""
        if self._dead:
            return
        if self.at_rest:
            # As most requests find it.
            self.at_rest = False
            self._buffer = bytes(data)
            return
        if self._tail:
            self._tail += data
            return
        buffer = self._buffer
        position = self._position
        unread_bytes = len(buffer) - position
        self._start_offset += position
        self._position = 0
        if not unread_bytes:
            self._buffer = bytes(data)
        elif self._scanned_bytes or unread_bytes + len(data) < self._needed_bytes:
            self._tail += memoryview(buffer)[position:]
            self._tail += data
            self._buffer = b""
        elif self._cut_frame_bytes:
            # The cut frame alone is put together; the rest of the data is walked in place.
            missing_bytes = self._cut_frame_bytes - unread_bytes
            self._carried_frame = buffer[position:] + data[:missing_bytes]
            self._start_offset += unread_bytes
            self._buffer = bytes(data)
            self._position = missing_bytes
            self._cut_frame_bytes = 0
            self._needed_bytes = 1
        else:
            self._buffer = buffer[position:] + data

    def whole_request(self, data: bytes) -> Request | None:
        """Take what one read brought where it is one plain request, and nothing else is here.

        None where it is anything else: then it is for `receive_data`.
        """
        # Where media comes in, most reads are frames.
        if self._channels or not (self.at_rest or self._rests()):
            return None
        plain = plain_request(data, 0, self._limits)
        if plain is None or plain[1] != len(data):
            return None
        self._start_offset += len(data)
        self._synced, self._garbage_run_bytes = True, 0
        return plain[0]

    def whole_run(self, data: bytes) -> tuple[bytes, int] | None:
        """Take what one read brought where nothing else is here and it is whole frames of one
        channel, seen before, and of one size, of which the last may be shorter.

        Returns the packets back to back and that size. None where it is anything else: then it is
        for `leading_frames`.
        """
        if len(data) < FRAME_HEADER_BYTES or data[1] not in self._channels:
            return None
        if not (self.at_rest or self._rests()):
            return None
        run = run_in_frames(data)
        if run is not None:
            self._start_offset += len(data)
        return run

    def leading_frames(self, data: bytes) -> tuple[int, list[bytes]] | None:
        """Take what one read brought where nothing else is here and it is frames of one channel,
        seen before; return the channel and the packets of the whole ones.

        The parser is then `at_rest`, or the last frame is cut: `next_event` goes on with it. None
        where it is anything else: then it is for `receive_data`.
        """
        size = len(data)
        if size < FRAME_HEADER_BYTES or not (self.at_rest or self._rests()):
            return None
        channel = data[1]
        if channel not in self._channels:
            return None
        last_header_at = size - FRAME_HEADER_BYTES
        last_header = b""
        position = length = 0
        packets: list[bytes] = []
        append = packets.append
        while position <= last_header_at:
            start = position + FRAME_HEADER_BYTES
            header = data[position:start]
            if header != last_header:
                length = (header[2] << 8) + header[3]
                if header[0] != DOLLAR or header[1] != channel or not length:
                    return None
                last_header = header
            end = start + length
            if end > size:
                break
            append(data[start:end])
            position = end
        if position == size:
            self._start_offset += size
        elif packets:
            self.at_rest = False
            self._buffer, self._position = data, position
        else:
            return None
        return channel, packets

    def _rests(self) -> bool:
        """Forget what was read, if all of it was."""
        if self._dead or self._resyncing or self.partial:
            return False
        self._rest_if_read()
        return True

    def _rest_if_read(self) -> None:
        """Forget the buffer once it was read to its end, and nothing is unfinished."""
        if self._position == len(self._buffer):
            self._start_offset += self._position
            self._buffer, self._position = b"", 0
            self.at_rest = True

    def next_event(self) -> Request | Response | InterleavedFrames | None:
        """Return the next message or run of frames; None when more data is needed.

        Raises:
            ProtocolError: the peer broke the protocol: 400, 413, 414 or 505, with the CSeq of
                the request where one was readable. Unless it is `fatal`, the message at fault
                is gone and the next call goes on behind it. After a fatal one there are no
                events any more.
        """
        if self._carried_frame:
            return self._frames()
        if self._tail and not self._tail_is_enough():
            return None
        if self._awaited is not None:
            return self._message_with_body(self._awaited)
        while self._position < len(self._buffer):
            first = self._buffer[self._position]
            if self._discard_bytes or self._resyncing:
                if not self._step_over():
                    return None
            elif first == DOLLAR:
                return self._frames()
            elif first in _BLANK_BYTES:
                # Empty lines between messages mean nothing (RFC 2068 §4.1); some clients send
                # them to keep the connection alive.
                found = _NOT_BLANK.search(self._buffer, self._position)
                self._position = found.start() if found else len(self._buffer)
            elif not self._scanned_bytes and (
                plain := plain_request(self._buffer, self._position, self._limits)
            ):
                request, self._position = plain
                self._synced, self._garbage_run_bytes = True, 0
                self._rest_if_read()
                return request
            elif head := self._head():
                return self._message(head)
            elif not self._resyncing:
                return None
        return None

    def _tail_is_enough(self) -> bool:
        """Make the tail the buffer when there is a chance that it holds an event."""
        size = len(self._tail)
        if size < self._needed_bytes:
            return False
        if self._scanned_bytes > _FIRST_WORD_BYTES and size < self._limits.max_header_bytes:
            stop = self._head_end or _FIRST_LINE_STOP
            since = self._scanned_bytes - _HEAD_END_OVERLAP_BYTES
            if stop.search(self._tail, since) is None:
                self._scanned_bytes = size
                return False
        self._buffer = bytes(self._tail)
        self._tail = bytearray()
        return True

    def _frames(self) -> InterleavedFrames | None:
        """Cut the run of whole frames at the position, in place: one slice per packet."""
        by_channel: dict[int, list[bytes]] = {}
        if frame := self._carried_frame:
            by_channel[frame[1]] = [frame[FRAME_HEADER_BYTES:]]
            self._carried_frame = b""
        buffer = self._buffer
        position = self._position
        size = len(buffer)
        last_header_at = size - FRAME_HEADER_BYTES
        last_header = b""
        length = end = 0
        packets: list[bytes] = []
        append = packets.append
        while position <= last_header_at:
            start = position + FRAME_HEADER_BYTES
            header = buffer[position:start]
            # Most frames have the header of the one before: then it needs no reading.
            if header != last_header:
                if header[0] != DOLLAR:
                    break
                length = (header[2] << 8) + header[3]
                if start + length <= size:
                    append = by_channel.setdefault(header[1], []).append
                last_header = header
            end = start + length
            if end > size:
                break
            if length:
                append(buffer[start:end])
            position = end
        self._position = position
        self._cut_frame_bytes = end - position if end > size else 0
        self._needed_bytes = self._cut_frame_bytes or FRAME_HEADER_BYTES
        if not by_channel:
            return None
        if not self._channels.issuperset(by_channel):
            self._channels = _seen_channels(self._channels.union(by_channel))
        self._synced = True
        self._garbage_run_bytes = 0
        return InterleavedFrames(by_channel)

    def _head(self) -> bytes | None:
        """Return the head at the position; None when it is not whole, or when it is none."""
        buffer = self._buffer
        start = self._position
        scan_from = start + max(0, self._scanned_bytes - _HEAD_END_OVERLAP_BYTES)
        head_end = self._head_end
        if head_end is None:
            stop = _FIRST_LINE_STOP.search(buffer, scan_from)
            if not _FIRST_WORD.match(buffer, start) or (stop and buffer[stop.start()] != _LF):
                self._lose_step()
                return None
            if stop:
                is_crlf = buffer[stop.start() - 1] == _CR
                head_end = END_OF_CRLF_HEAD if is_crlf else _END_OF_LF_HEAD
        limit = start + self._limits.max_header_bytes
        end = head_end and head_end.search(buffer, scan_from, limit)
        if end:
            self._scanned_bytes, self._head_end, self._needed_bytes = 0, None, 1
            return buffer[start : end.end()]
        self._head_end = head_end
        self._scanned_bytes = len(buffer) - start
        self._needed_bytes = self._scanned_bytes + 1
        if len(buffer) >= limit:
            head = buffer[start:limit]
            if method := http_method(head):
                # A browser's cookies may be more than any request of RTSP.
                raise self._fatal(HttpSpoken(method=method))
            in_first_line = b"\n" not in head
            error = LimitExceeded(
                f"longer than {self._limits.max_header_bytes} bytes",
                limit="max_header_bytes",
                status=414 if in_first_line else 400,
                where="request line" if in_first_line else "headers",
            )
            error.request_cseq = salvaged_cseq(head)
            raise self._fatal(error)
        return None

    def _message(self, head: bytes) -> Request | Response | None:
        """Read a whole head; None when its body is still to come."""
        offset = self._start_offset + self._position
        try:
            message = parse_head(head, offset=offset, limits=self._limits)
            self._body_bytes = declared_body_bytes(
                message.headers, max_body_bytes=self._limits.max_body_bytes
            )
        except ProtocolError as error:
            error.request_cseq = salvaged_cseq(head)
            skipped_bytes = salvaged_body_bytes(head) or 0
            if error.fatal or skipped_bytes > self._limits.max_body_bytes:
                raise self._fatal(error) from None
            self._position += len(head)
            if skipped_bytes:
                self._discard_bytes = skipped_bytes
                self._unfinished_offset = offset
            raise
        self._position += len(head)
        if self._body_bytes:
            self._awaited = message
            self._needed_bytes = self._body_bytes
            self._unfinished_offset = offset
            return self._message_with_body(message)
        self._good_event()
        return message

    def _message_with_body(self, message: Request | Response) -> Request | Response | None:
        end = self._position + self._body_bytes
        if end > len(self._buffer):
            return None
        message.body = self._buffer[self._position : end]
        self._position = end
        self._awaited = None
        self._unfinished_offset = None
        self._needed_bytes = 1
        self._good_event()
        return message

    def _step_over(self) -> bool:
        """Step over a refused body, or over garbage; False where more of that is awaited."""
        if self._discard_bytes:
            self._discard()
            return True
        self._resync()
        return not self._resyncing

    def _discard(self) -> None:
        dropped_bytes = min(self._discard_bytes, len(self._buffer) - self._position)
        self._discard_bytes -= dropped_bytes
        self._position += dropped_bytes
        if not self._discard_bytes:
            self._unfinished_offset = None

    def _lose_step(self) -> None:
        """Search on behind bytes that begin neither message nor frame, or end what is not RTSP."""
        if not self._synced:
            first = self._buffer[self._position]
            hint = "a TLS handshake" if first == _TLS_HANDSHAKE else f"a byte of {first:#04x}"
            raise self._fatal(ProtocolError(f"the connection begins with {hint}, not with RTSP"))
        self._scanned_bytes, self._head_end, self._needed_bytes = 0, None, 1
        self._unfinished_offset = self.offset
        self._resyncing = True
        self._skip_garbage(self._position + 1)

    def _resync(self) -> None:
        channels = self._channels.union(self._agreed)
        foothold = find_foothold(self._buffer, self._position, channels)
        self._skip_garbage(foothold.at)
        self._needed_bytes = foothold.needed_bytes
        if not foothold.needed_bytes:
            self._resyncing = False
            self._unfinished_offset = None

    def _skip_garbage(self, until: int) -> None:
        allowed_bytes = self._limits.max_garbage_bytes - self._garbage_run_bytes
        skipped_bytes = min(until - self._position, allowed_bytes)
        self.garbage_bytes += skipped_bytes
        self._garbage_run_bytes += skipped_bytes
        self._position += skipped_bytes
        if self._position < until:
            raise self._fatal(ProtocolError("no message or frame to be found any more"))

    def _good_event(self) -> None:
        self._synced = True
        self._garbage_run_bytes = 0

    def _fatal(self, error: ProtocolError) -> ProtocolError:
        """End the stream and return the error to be raised."""
        error.fatal = True
        if error.offset is None:
            error.offset = self.offset
        self._dead = True
        self._start_offset += self._position
        self._buffer = b""
        self._position = 0
        self._scanned_bytes = 0
        return error


@lru_cache(maxsize=256)
def _seen_channels(channels: frozenset[int]) -> frozenset[int]:
    """Return the same set for all connections with the same channels: one takes 216 bytes."""
    return channels
