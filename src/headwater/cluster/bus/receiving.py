"""A mount of another worker, which fills one here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

from headwater.cluster.bus.frames import (
    BusError,
    BusParser,
    Frame,
    Kind,
    description_of,
    text_frame,
)
from headwater.cluster.bus.sending import BUFFER_BYTES, BUS, BUS_ID, DOWN, TOO_SLOW
from headwater.cluster.leases import Tenure
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.publisher import Publisher
from headwater.net.tcp_stream import TcpStream
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.relay.errors import SourceDown, SourceTooSlow
from headwater.relay.packet_publisher import asks_for_key_frame
from headwater.relay.relay import Relay, new_end_id

logger = paced_logger(__name__)

_READ_BYTES = 262_144
_ABSENCES = {DOWN: SourceDown, TOO_SLOW: SourceTooSlow}


class BusPublisher(Publisher):
    """What a worker pulls, as the publisher of a mount of its own; the receiver of its stream.

    Attributes:
        tenure: whose packets these are. The pull ends with it.
        mount: what it fills; None before the description has come, and after the end.
        opened: done once the mount is there, or None where it does not come; its source's error
            where that is why.
        began: whether it ever filled its mount.
    """

    transport = BUS
    user_agent = ""

    def __init__(
        self,
        relay: Relay,
        tenure: Tenure,
        sock: socket.socket,
        on_ended: Callable[[BusPublisher, str], None],
    ) -> None:
        self.id = BUS_ID + new_end_id()
        self.peer = tenure.holder
        self.tenure = tenure
        self.mount: Mount | None = None
        self.began = False
        loop = self._loop = relay.loop
        self.opened: asyncio.Future[Mount | None] = loop.beneath.create_future()
        self._mounts = relay.mounts
        self._limits = relay.limits.settings
        self._on_ended = on_ended
        self._parser = BusParser()
        self._ended = False
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._stream = TcpStream(sock, loop, self, read_bytes=_READ_BYTES)

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Pass on a request for a key frame; reports are made where the publisher itself is."""
        if asks_for_key_frame(packet):
            self._stream.write(text_frame(Kind.KEY_FRAME, track=track_index))

    def close(self, reason: str) -> None:
        """Pull no more: the mount does not want it."""
        self.end(reason)

    def end(self, reason: str, *, grace: bool = True) -> None:
        """Pull no more; the mount waits out its grace or closes. A second call does nothing.

        With `grace` False it closes at once, since it has closed where its publisher was.
        """
        if self._ended:
            return
        self._ended = True
        mount, self.mount = self.mount, None
        self._stream.close()
        if not self.opened.done():
            self.opened.set_result(None)
        if mount is not None:
            mount.publisher_left(self, reason, grace=grace)
        self._on_ended(self, reason)

    # -- the stream's receiver

    def stream_data(self, data: bytes) -> None:
        """Write what came to the mount."""
        try:
            for frame in self._parser.feed(data):
                self._take(frame)
                if self._ended:
                    return
        except (BusError, ProtocolError) as error:
            extra = {"mount": self.tenure.path, "peer": self.peer, "cause": str(error)}
            logger.warning("a pull was broken off", extra=extra)
            self.end(str(error))

    def stream_drained(self) -> None:
        """Go on."""

    def stream_closed(self, error: Exception | None) -> None:
        """End: the other worker is gone, or had not what was asked for."""
        self.end(f"{self.peer} is gone" if error is None else str(error))

    def _take(self, frame: Frame) -> None:
        mount = self.mount
        match frame.kind:
            case Kind.RTP if mount is not None and frame.track < len(mount.tracks):
                loop = self._loop
                arrived_s = min(frame.arrived_s - loop.stood_still_s, loop.time())
                mount.tracks[frame.track].write_kept(frame.packets, arrived_s)
            case Kind.DESCRIPTION if mount is None:
                self._open(frame)
            case Kind.RTCP if mount is not None and frame.track < len(mount.tracks):
                mount.tracks[frame.track].write_rtcp(frame.packets)
            case Kind.ABSENT if mount is None and frame.text in _ABSENCES:
                if not self.opened.done():
                    self.opened.set_exception(_ABSENCES[frame.text](self.tenure.path))
                self.end(frame.text.decode())
            case Kind.END | Kind.CLOSED:
                grace = frame.kind is Kind.END
                self.end(frame.text.decode(errors="replace"), grace=grace)
            case _:
                raise BusError(f"a frame {frame.kind.name} for track {frame.track}")

    def _open(self, frame: Frame) -> None:
        epoch, range_text, sdp = description_of(frame)
        self.tenure = replace(self.tenure, epoch=epoch)
        presentation = SessionDescription.parse(sdp, limits=self._limits.description_limits())
        path = self.tenure.path
        present = self._mounts.get(path)
        if present is not None and present.publisher is not None:
            # Somebody began to publish here meanwhile: that goes before.
            self.opened.set_result(present)
            self.end("the mount has another publisher")
            return
        self.mount = self._mounts.open(path, presentation, self, range_text)
        self.began = True
        self.opened.set_result(self.mount)
