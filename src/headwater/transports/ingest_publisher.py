"""A publisher whose tracks are fed by ingests, whoever agreed on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.transports.ingest import Ingest
from headwater.transports.session_media import SessionIdentity, SessionMedia


class IngestPublisher(SessionMedia, Feed):
    """Feeds a mount from one ingest for each track.

    A server makes it of what it answered (`SessionPublisher`), a client of what it was answered:

        publisher = IngestPublisher(identity, TransportKind.UDP)
        publisher.put(0, offer.accept(transport_of_answer))    # after each SETUP
        publisher.on_arrival(call)                             # before PLAY: media may come first
        publisher.open_nats()
        mount = mounts.open(path, presentation, publisher, …)  # once it is called
        publisher.start(mount.tracks)

    Life: `put` at each SETUP, `start`, `stop` at PAUSE or the end, `release` once at the very end,
    which gives back ports and channels.

    Attributes:
        tracks: what it feeds, or fed last; empty before the start.
    """

    def __init__(self, identity: SessionIdentity, transport: str) -> None:
        super().__init__(identity, transport)
        self.tracks: Sequence[Track] = ()
        self._ingests: dict[int, Ingest] = {}

    @property
    def track_indexes(self) -> Sequence[int]:
        """The tracks that are set up."""
        return sorted(self._ingests)

    @property
    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because a receive buffer was full."""
        return sum(ingest.kernel_drops for ingest in self._ingests.values())

    def put(self, index: int, ingest: Ingest) -> None:
        """Have a track fed by this ingest; one that it had before is closed."""
        self.take_away(index)
        self._ingests[index] = ingest

    def take_away(self, index: int) -> None:
        """Close what feeds a track; an unknown track is no error."""
        ingest = self._ingests.pop(index, None)
        if ingest is not None:
            ingest.close()

    def start(self, tracks: Sequence[Track]) -> None:
        """Let packets into the tracks from now on; a second call leads them into others."""
        self.tracks = tracks
        for index, ingest in self._ingests.items():
            ingest.start(tracks[index])

    def on_arrival(self, call: Callable[[], None]) -> None:
        """Call when the first packet of a track waits for the start."""
        for ingest in self._ingests.values():
            ingest.on_arrival(call)

    def stop(self) -> None:
        """Let no more packets in; a second call does nothing."""
        for ingest in self._ingests.values():
            ingest.stop()

    def release(self) -> None:
        """Stop, and give back every port and channel; a second call does nothing."""
        for index in tuple(self._ingests):
            self.take_away(index)

    def open_nats(self) -> None:
        """Have NATs on this side let media in, which a client does before PLAY and now and then."""
        for ingest in self._ingests.values():
            ingest.open_nat()

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Send an RTCP packet to where a track comes from; one that cannot leave is lost."""
        ingest = self._ingests.get(track_index)
        if ingest is not None:
            ingest.send_rtcp(packet)

    def close(self, reason: str) -> None:
        """Stop and have the end of it told."""
        self.stop()
        self.identity.on_close(reason)
