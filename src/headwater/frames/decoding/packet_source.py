"""Where packets to decode come from: a mount of this server, or another server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.protocol.sdp import SessionDescription


class PacketTaker(Protocol):
    """What a source gives its packets to."""

    def begin(self, presentation: SessionDescription) -> int:
        """A publisher is there: return the index of the track that is wanted.

        Raises NotDecodable where it has none that is.
        """

    def take(self, batch: PacketBatch) -> None:
        """Take RTP packets of that track."""

    def take_rtcp(self, batch: PacketBatch) -> None:
        """Take compound RTCP packets of that track's publisher."""

    def pause(self) -> None:
        """The publisher is gone; another may come."""


class PacketSource(Protocol):
    """Brings the packets of one mount or URL, over all its publishers."""

    name: str
    """What errors and logs call it."""

    async def run(self, taker: PacketTaker) -> None:
        """Bring packets until it is cancelled. Raises SourceEnded, NotDecodable."""

    def request_key_frame(self) -> None:
        """Ask the publisher for a key frame, where it can be asked."""


MakeSource = Callable[[str], PacketSource]
