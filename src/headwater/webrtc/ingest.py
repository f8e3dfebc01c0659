"""A browser or encoder that publishes: its packets become a mount like any other."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.log_pace import paced_logger
from headwater.media.publisher import Publisher
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import ReceiverReport, SenderReport, parse_rtcp
from headwater.protocol.rtcp_build import (
    bit_rate_estimate,
    generic_nack,
    picture_loss_indication,
)
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity
from headwater.relay.relay import Relay
from headwater.webrtc.incoming_track import IncomingTrack
from headwater.webrtc.peer import Peer
from headwater.webrtc.published_description import published_description

logger = paced_logger(__name__)

_TELLS_NOTHING_FOR_S: Final = 2.0
"""So long a description waits for the parameter sets, which come with the first key frame."""
_MOST_HELD_PACKETS: Final = 8_192
_MEND_EVERY_S: Final = 0.05
_ESTIMATE_EVERY_S: Final = 1.0
_KEY_FRAME_EVERY_S: Final = 4.0
"""Browsers make key frames only when they are asked; segments and new readers need some."""
_KEY_FRAME_AT_MOST_S: Final = 0.5
_IN_BAND: Final = frozenset({"H264", "H265"})
"""Codecs whose readers need parameter sets in the description."""


class Ingest(End):
    """One peer connection that sends. Its path is reserved from its offer on."""

    def __init__(
        self,
        identity: EndIdentity,
        relay: Relay,
        tracks: Sequence[IncomingTrack],
        *,
        bit_rate_bps: Callable[[], int],
        forget: Callable[[Peer], None],
    ) -> None:
        """`bit_rate_bps` is asked how much it may send; `forget` is called at its end."""
        super().__init__(identity, relay.clock())
        self.resent_packets = 0
        self._relay = relay
        self._loop = relay.loop
        self._tracks = tuple(tracks)
        self._by_number = {track.codec.payload_type: track for track in tracks}
        self._bit_rate_bps = bit_rate_bps
        self._forget = forget
        self._peer: Peer | None = None
        self._publisher = _IngestPublisher(self, identity)
        self._depacketizers = _depacketizers(self._tracks)
        self._held: list[tuple[IncomingTrack, list[bytes]]] = []
        self._held_packets = 0
        self._connected_s = 0.0
        self._ready: dict[IncomingTrack, list[bytes]] = {}
        self._mends = False
        self._estimated_s = self._key_frame_s = float("-inf")
        self._ssrc = secrets.randbits(31) + 1
        self._cname = secrets.token_hex(8)

    def attach(self, peer: Peer) -> None:
        """Reserve the path. Raises MountBusy."""
        self._relay.reservations.check(self.path)
        self._relay.reservations.take(self)
        self._peer = peer

    @property
    def peer_connection(self) -> Peer | None:
        """The connection that carries it; None once it is over."""
        return self._peer

    @property
    def state(self) -> SessionState:
        """READY until its first pictures are described."""
        return SessionState.READY if self.mount is None else SessionState.RECORDING

    @property
    def transport(self) -> str | None:
        """How it comes; None before that is known."""
        way = None if self._peer is None else self._peer.way
        return None if way is None else way.name

    @property
    def tracks(self) -> Sequence[int]:
        """The tracks that it sends."""
        return tuple(track.index for track in self._tracks)

    # -- what the peer tells

    def peer_connected(self) -> None:
        """Wait for its packets."""
        self._connected_s = self._loop.time()

    def peer_moved(self) -> None:
        """Do nothing: what it is sent goes where it is."""

    def peer_rtp(self, packet: bytes) -> None:
        """Put a packet in order; what is next is relayed in the loop's next turn, together."""
        track = self._by_number.get(packet[1] & 0x7F)
        if track is None:
            return
        self.last_seen_s = now = self._loop.time()
        ready = track.take(packet, now)
        if ready:
            self._relay_soon(track, ready)
        if track.misses and not self._mends:
            self._mends = True
            self._loop.call_soon(self._mend)

    def peer_rtcp(self, compound: bytes) -> None:
        """Relay reports of its clocks."""
        mount = self.mount
        if mount is None:
            return
        try:
            parts = parse_rtcp(compound)
        except ProtocolError:
            return
        for part in parts[:1]:
            if isinstance(part, SenderReport | ReceiverReport):
                for track in self._tracks:
                    if track.ssrc == part.ssrc:
                        mount.tracks[track.index].write_rtcp([compound])

    def peer_ended(self, cause: str) -> None:
        """End with the peer."""
        self._relay.send_away(self, cause)

    def look(self, now: float) -> None:
        """Tell how much may be sent, and ask for key frames; called some times a second."""
        if self._peer is None or not self._connected_s:
            return
        sources = [track.ssrc for track in self._tracks if track.ssrc is not None]
        if sources and now - self._estimated_s >= _ESTIMATE_EVERY_S:
            self._estimated_s = now
            rate_bps = self._bit_rate_bps()
            self._send(bit_rate_estimate(self._ssrc, rate_bps, sources, cname=self._cname))
        if now - self._key_frame_s >= _KEY_FRAME_EVERY_S:
            self._ask_for_key_frame(now)

    # -- its packets

    def _relay_soon(self, track: IncomingTrack, packets: list[bytes]) -> None:
        if not self._ready:
            self._loop.call_soon(self._relay_ready)
        self._ready.setdefault(track, []).extend(packets)

    def _relay_ready(self) -> None:
        ready, self._ready = self._ready, {}
        for track, packets in ready.items():
            if self.closed:
                return
            if self.mount is None:
                self._hold(track, packets)
            else:
                self.mount.tracks[track.index].write(packets)

    def _hold(self, track: IncomingTrack, packets: list[bytes]) -> None:
        """Keep packets until the presentation can be described, then open the mount."""
        self._held.append((track, packets))
        self._held_packets += len(packets)
        depacketizer = self._depacketizers.get(track)
        if depacketizer is not None:
            for packet in packets:
                depacketizer.feed(packet)
        waits = any(each.config is None for each in self._depacketizers.values())
        waited_s = self._loop.time() - self._connected_s
        if waits and waited_s < _TELLS_NOTHING_FOR_S and self._held_packets < _MOST_HELD_PACKETS:
            self._ask_for_key_frame(self._loop.time(), at_most_s=_KEY_FRAME_AT_MOST_S)
            return
        self._open()

    def _open(self) -> None:
        configs = [
            None if (known := self._depacketizers.get(track)) is None else known.config
            for track in self._tracks
        ]
        held, self._held = self._held, []
        self._held_packets = 0
        self._depacketizers = {}
        try:
            presentation = published_description(self._tracks, configs)
            self._relay.descriptions.give(self, presentation)
            self.mount = self._relay.mounts.open(self.path, presentation, self._publisher)
        except Exception as error:  # noqa: BLE001 - its own end, and nobody else's
            logger.info(
                "publisher not taken", extra={"mount": self.path, "peer": self.peer, "cause": error}
            )
            self.peer_ended(str(error))
            return
        for track, packets in held:
            self.mount.tracks[track.index].write(packets)

    def _mend(self) -> None:
        """Ask for packets that are missing, and go on without those that do not come."""
        self._mends = False
        if self.closed or self._peer is None:
            return
        now = self._loop.time()
        for track in self._tracks:
            if ready := track.overdue(now):
                self._relay_soon(track, ready)
            if track.ssrc is not None and (asked := track.to_ask(now)):
                self._send(generic_nack(self._ssrc, track.ssrc, asked, cname=self._cname))
            if track.broken:
                track.broken = False
                self._ask_for_key_frame(now, at_most_s=_KEY_FRAME_AT_MOST_S)
        if any(track.misses for track in self._tracks):
            self._mends = True
            self._loop.call_later(_MEND_EVERY_S, self._mend)

    def _ask_for_key_frame(self, now: float, *, at_most_s: float = 0.0) -> None:
        if now - self._key_frame_s < at_most_s:
            return
        self._key_frame_s = now
        for track in self._tracks:
            if track.kind == "video" and track.ssrc is not None:
                self._send(picture_loss_indication(self._ssrc, track.ssrc, cname=self._cname))

    def _send(self, compound: bytes) -> None:
        if self._peer is not None and self._connected_s:
            self._peer.send_rtcp(compound)

    def send_rtcp(self, compound: bytes) -> None:
        """Send what the mount says: reports, and requests for key frames."""
        self._send(compound)

    # -- its end

    def leave_mount(self, cause: str) -> None:
        """Take it off its mount, which then waits out its grace or closes."""
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.publisher_left(self._publisher, cause)

    def release(self) -> None:
        """Let go of what waits."""
        self._held.clear()
        self._ready.clear()

    def let_go(self, *, by_server: bool) -> None:  # noqa: ARG002 - the peer is told either way
        """Close the peer's connection."""
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()
            self._forget(peer)


class _IngestPublisher(Publisher):
    """The publisher as its mount sees it."""

    one_source = True

    def __init__(self, ingest: Ingest, identity: EndIdentity) -> None:
        self.id = identity.id
        self.peer = identity.peer
        self.user_agent = identity.user_agent
        self._ingest = ingest

    @property
    def transport(self) -> str:  # type: ignore[override]
        """How it comes."""
        return self._ingest.transport or "webrtc"

    def send_rtcp(self, track_index: int, packet: bytes) -> None:  # noqa: ARG002 - it names its source
        """Hand a report or request to the peer."""
        self._ingest.send_rtcp(packet)

    def close(self, reason: str) -> None:
        """End the publisher, which the mount does not want any more."""
        self._ingest.peer_ended(reason)


def _depacketizers(
    tracks: Sequence[IncomingTrack],
) -> dict[IncomingTrack, Depacketizer[TrackConfig]]:
    """Return what reads the parameter sets of the tracks that have some."""
    wanted = [track for track in tracks if track.codec.encoding in _IN_BAND]
    if not wanted:
        return {}
    described = published_description(wanted, [None] * len(wanted))
    made = [
        (track, depacketizer_for(media))
        for track, media in zip(wanted, described.media, strict=True)
    ]
    return {track: depacketizer for track, depacketizer in made if depacketizer is not None}
