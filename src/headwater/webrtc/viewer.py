"""A browser that watches a mount: what it is sent, what it asks for, and how it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from headwater.media.mount import Mount
from headwater.media.readers.reader import Reader
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.steady_loop import SteadyLoop
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtcp import Feedback, FeedbackKind, ReceiverReport, parse_rtcp
from headwater.protocol.rtcp_build import bye
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity
from headwater.webrtc.mount_view import MountView
from headwater.webrtc.peer import Peer
from headwater.webrtc.rows import MOST_QUEUED_BYTES, Place
from headwater.webrtc.view_batch import ViewBatch
from headwater.webrtc.way import UdpWay

_BURST_BYTES: Final = 65_536
_BURST_EVERY_S: Final = 0.004
"""What is kept goes out at 130 Mbit/s, which the buffers of browsers take."""
_MOST_BEHIND_BYTES: Final = 32 << 20
_KEY_FRAME_EVERY_S: Final = 1.0
_MOST_MISSED_PACKETS: Final = 0x7000
"""In a row: beyond that, peers can no longer tell how often numbers have wrapped (RFC 3711
§3.3.1)."""
_RESENT_PER_S: Final = 500
"""Packets that a viewer can have again in a second: a tenth of 40 Mbit/s."""


class Viewer(End):
    """One peer connection that receives. Made for an offer; its mount knows it from then on."""

    def __init__(
        self,
        identity: EndIdentity,
        view: MountView,
        payload_types: Mapping[int, int],
        loop: SteadyLoop,
        *,
        end: Callable[[Viewer, str], None],
        forget: Callable[[Peer], None],
    ) -> None:
        """`end` closes it, for a reason, and tells its peer; `forget` is called at its end."""
        super().__init__(identity, loop.time())
        self.view = view
        self.reader = ViewerReader(self, identity)
        self.sent_packets = 0
        self.sent_bytes = 0
        self.dropped_packets = 0
        self.dropped_bytes = 0
        self.lost_packets = 0
        self.fraction_lost = 0.0
        self.resent_packets = 0
        self._payload_types = payload_types
        self._loop = loop
        self._end = end
        self._forget = forget
        self._peer: Peer | None = None
        self._playing = False
        self._entered = False
        # Each with whether it goes again.
        self._behind: deque[tuple[ViewBatch, bool]] = deque()
        self._behind_bytes = 0
        self._waits_for_key_frame = False
        self._missed_in_a_row = 0
        # By track, of the first packet that was sent.
        self._first_index: dict[int, int] = {}
        self._key_frame_asked_s = float("-inf")
        self._resendable = float(_RESENT_PER_S)
        self._resendable_s = self.opened_s

    def attach(self, peer: Peer, mount: Mount) -> None:
        """Take a place on the mount. Raises MountFull, MountClosed."""
        mount.add_reader(self.reader)
        self.mount = mount
        self._peer = peer

    @property
    def peer_connection(self) -> Peer | None:
        """The connection that carries it; None once it is over."""
        return self._peer

    @property
    def state(self) -> SessionState:
        """READY until its peer is connected."""
        return SessionState.PLAYING if self._playing else SessionState.READY

    @property
    def transport(self) -> str | None:
        """How it is reached; None before that is known."""
        way = None if self._peer is None else self._peer.way
        return None if way is None else way.name

    @property
    def tracks(self) -> Sequence[int]:
        """The tracks that it is sent."""
        return tuple(self._payload_types)

    def place_for(self, track: int) -> Place | None:
        """Return where packets of a track go at once; None while something is in their way."""
        peer = self._peer
        if (
            peer is None
            or self.closed
            or self._behind
            or self._waits_for_key_frame
            or track not in self._first_index
        ):
            return None
        way = peer.way
        if not isinstance(way, UdpWay) or not way.destination.segmented:
            return None
        return Place(self._payload_types[track], way.sender, way.destination, peer.srtp)

    # -- what the peer tells

    def peer_moved(self) -> None:
        """Go on at another place."""
        self.view.rearrange()

    def peer_connected(self) -> None:
        """Begin: with what is kept since the last key frame, or with the next one."""
        mount = self.mount
        if mount is None or self.closed:
            return
        self._playing = True
        self.last_seen_s = self._loop.time()
        mount.start_reader(self.reader, mount.plan_start(self.tracks, instant_start=False))
        if self._fall_behind(self.view.join(self), again=False):
            self._send_behind()
        elif self._watches_pictures:
            self._wait_for_key_frame()
            self.view.request_key_frame()

    def peer_rtp(self, packet: bytes) -> None:
        """Leave out what a peer sends that may only receive."""

    def peer_rtcp(self, compound: bytes) -> None:
        """Send again what the peer lost, and have a key frame made where it cannot go on."""
        self.last_seen_s = self._loop.time()
        try:
            parts = parse_rtcp(compound)
        except ProtocolError:
            return
        for part in parts:
            match part:
                case Feedback(kind=FeedbackKind.NACK):
                    self._send_again(part)
                case Feedback() if part.wants_key_frame:
                    self._show_key_frame()
                case ReceiverReport(blocks=blocks) if blocks:
                    self.fraction_lost = max(block.fraction_lost for block in blocks) / 256
                    self.lost_packets = sum(max(0, block.cumulative_lost) for block in blocks)
                case _:
                    pass

    def peer_ended(self, cause: str) -> None:
        """End with the peer."""
        self._end(self, cause)

    # -- what it is sent

    def send(self, batch: ViewBatch) -> None:
        """Take packets that just came."""
        if batch.track not in self._payload_types:
            return
        if self._behind:
            self._behind.append((batch, False))
            self._behind_bytes += batch.size_bytes
            if self._behind_bytes > _MOST_BEHIND_BYTES:
                self._drop_behind()
            return
        if self._waits_for_key_frame:
            if not batch.begins_key_frame:
                self._note_dropped(batch)
                return
            self._waits_for_key_frame = False
            self._missed_in_a_row = 0
            self.view.rearrange()
        self._send_now(batch)

    def send_failed(self, error: Exception) -> None:
        """End: what could not be sent once leaves a gap that nobody tells of."""
        self._loop.call_soon(self._end, self, f"delivery failed: {error}")

    def send_report(self, track: int, compound: bytes) -> None:
        """Send a sender report of a track that it is sent."""
        if self._playing and self._peer is not None and track in self._payload_types:
            self._peer.send_rtcp(compound)

    def _send_now(self, batch: ViewBatch, *, again: bool = False) -> None:
        peer = self._peer
        way = None if peer is None else peer.way
        if peer is None or way is None:
            return
        if way.queued_bytes > MOST_QUEUED_BYTES:
            self._note_dropped(batch)
            self._wait_for_key_frame()
            return
        track, srtp = batch.track, peer.srtp
        layout = batch.layout(self._payload_types[track], srtp.tag_bytes)
        if track not in self._first_index:
            self._first_index[track] = batch.index
            self.view.rearrange()
        first = self._first_index[track]
        if again:
            # The peer has counted wraps since the first packet that it got.
            way.send(srtp.protect_again(layout, batch.index - (first & ~0xFFFF)))
        else:
            way.send(srtp.protect(layout))
        self.sent_packets += len(batch.packets)
        self.sent_bytes += batch.size_bytes

    def _send_behind(self) -> None:
        """Send a part of what waits, and the rest soon."""
        left = _BURST_BYTES
        while self._behind and left > 0 and not self.closed:
            batch, again = self._behind.popleft()
            self._behind_bytes -= batch.size_bytes
            left -= batch.size_bytes
            self._send_now(batch, again=again)
            batch.forget_layouts()
        if not self._behind:
            self.view.rearrange()
        elif not self.closed:
            self._loop.call_later(_BURST_EVERY_S, self._send_behind)

    def _fall_behind(self, kept: Sequence[ViewBatch], *, again: bool) -> bool:
        """Have it sent what is kept before anything else; return whether that is anything."""
        mine = [(batch, again) for batch in kept if batch.track in self._payload_types]
        self._behind.extend(mine)
        self._behind_bytes += sum(batch.size_bytes for batch, _ in mine)
        self.view.rearrange()
        return bool(mine)

    def _drop_behind(self) -> None:
        for batch, _ in self._behind:
            self._note_dropped(batch)
        self._behind.clear()
        self._behind_bytes = 0
        self._wait_for_key_frame()

    def _wait_for_key_frame(self) -> None:
        self._waits_for_key_frame = self._watches_pictures
        self.view.rearrange()

    def _send_again(self, asked: Feedback) -> None:
        view = next((t for t in self.view.tracks.values() if t.ssrc == asked.media_ssrc), None)
        if view is None or view.index not in self._payload_types:
            return
        for sequence_number in asked.lost:
            batch = view.made_lately(sequence_number)
            if batch is None or batch.index < self._first_index.get(view.index, batch.index + 1):
                continue
            if self._may_send_again():
                self._send_now(batch, again=True)
                self.resent_packets += 1

    def _may_send_again(self) -> bool:
        now = self._loop.time()
        earned = (now - self._resendable_s) * _RESENT_PER_S
        self._resendable = min(float(_RESENT_PER_S), self._resendable + earned)
        self._resendable_s = now
        if self._resendable < 1:
            return False
        self._resendable -= 1
        return True

    def _show_key_frame(self) -> None:
        """Send what came since the last key frame again, and ask the publisher for another.

        What the peer has it leaves out by the numbers; what it lost and gave up it then has.
        """
        now = self._loop.time()
        if now - self._key_frame_asked_s < _KEY_FRAME_EVERY_S:
            return
        self._key_frame_asked_s = now
        self.view.request_key_frame()
        if not self._behind and self._fall_behind(self.view.kept(), again=True):
            self._send_behind()

    @property
    def _watches_pictures(self) -> bool:
        return any(self.view.tracks[index].is_video for index in self._payload_types)

    def _note_dropped(self, batch: ViewBatch) -> None:
        count = len(batch.packets)
        self.dropped_packets += count
        self.dropped_bytes += batch.size_bytes
        self._missed_in_a_row += count
        if self._missed_in_a_row > _MOST_MISSED_PACKETS and not self.closed:
            self._missed_in_a_row = 0
            self._loop.call_soon(self._end, self, "the peer is too slow")

    # -- its end

    def enter(self) -> None:
        """Have the view run; `release` lets go of it."""
        self.view.enter()
        self._entered = True

    def leave_mount(self, cause: str) -> None:
        """Give its place on the mount back."""
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.remove_reader(self.reader, cause)

    def release(self) -> None:
        """Let go of the view."""
        self._playing = False
        self._behind.clear()
        if self._entered:
            self._entered = False
            self.view.leave(self)

    def let_go(self, *, by_server: bool) -> None:
        """Tell the peer that nothing more comes, and close its connection."""
        peer, self._peer = self._peer, None
        if peer is None:
            return
        if by_server and peer.way is not None and self.sent_packets:
            peer.send_rtcp(bye([self.view.tracks[index].ssrc for index in self._payload_types]))
        peer.close()
        self._forget(peer)


class ViewerReader(Reader):
    """A viewer as its mount sees it: counted and closed like any other, fed by the mount's view."""

    needs_pacing = False

    def __init__(self, viewer: Viewer, identity: EndIdentity) -> None:
        self.id = identity.id
        self.peer = identity.peer
        self.user_agent = identity.user_agent
        self._viewer = viewer

    @property
    def transport(self) -> str:  # type: ignore[override]
        """How it is reached."""
        return self._viewer.transport or "webrtc"

    @property
    def sent_packets(self) -> int:
        """RTP packets that were sent to it, those that were sent again included."""
        return self._viewer.sent_packets

    @property
    def sent_bytes(self) -> int:
        """The same in bytes, before they were encrypted."""
        return self._viewer.sent_bytes

    @property
    def dropped_packets(self) -> int:
        """Packets that it missed because it, or the socket, was too slow."""
        return self._viewer.dropped_packets

    @property
    def dropped_bytes(self) -> int:
        """The same in bytes."""
        return self._viewer.dropped_bytes

    @property
    def reported_lost_packets(self) -> int:
        """Packets that it says it lost."""
        return self._viewer.lost_packets

    @property
    def reported_fraction_lost(self) -> float:
        """The share that it says it lost lately."""
        return self._viewer.fraction_lost

    def join(self, track_index: int, track: Track) -> None:
        """Do nothing: the view has its own outlet."""

    def leave(self, track_index: int, track: Track) -> None:
        """Do nothing, as `join`."""

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        """Do nothing: the view has kept the same."""

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        """Do nothing: it gets reports with numbers of the view."""

    def close(self, reason: str) -> None:
        """End with the mount."""
        self._viewer.peer_ended(reason)
