"""Asks a track's publisher for key frames: seldom, whoever wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.media.tracks.rtcp_participant import RtcpParticipant
from headwater.protocol.rtcp_build import full_intra_request, picture_loss_indication

if TYPE_CHECKING:
    from headwater.media.publisher import Publisher
    from headwater.media.tracks.track import Track
    from headwater.protocol.sdp import MediaDescription

logger = paced_logger(__name__)

LEAST_INTERVAL_S = 1.0
"""A key frame is many times as large as other pictures: readers that ask all the time must not
cost the others their bit rate."""

_FOREVER_AGO_S = float("-inf")


class KeyFrameRequests:
    """The requests of one track. All causes together lead to one a second at most.

    A request that comes within the second waits. The next key frame fulfils it; where none has
    come when the second is over, the mount's next upkeep sends it. One that comes before the
    publisher's first packet waits as well: a request has to name the publisher's source.
    """

    __slots__ = ("_key_frames_before", "_participant", "_sent_s", "_sequence", "_track", "_waits")

    def __init__(self, track: Track, participant: RtcpParticipant) -> None:
        self._track = track
        self._participant = participant
        self._waits = False
        # How many key frames had come when somebody last wanted one.
        self._key_frames_before = 0
        self._sent_s = _FOREVER_AGO_S
        self._sequence = 0

    def want(self, publisher: Publisher | None, now: float) -> None:
        """Note that somebody wants a key frame, and ask for it if that may be now."""
        self._waits = True
        self._key_frames_before = self._track.counters.key_frames
        if now - self._sent_s >= LEAST_INTERVAL_S:
            self.send_due(publisher, now)

    def send_due(self, publisher: Publisher | None, now: float) -> None:
        """Send the request that waits, if it may go now."""
        if not self._waits:
            return
        counters = self._track.counters
        if counters.key_frames != self._key_frames_before:
            self._waits = False
            return
        if publisher is None or now - self._sent_s < LEAST_INTERVAL_S:
            return
        # Readers know the source by another number where one publisher's packets continue
        # another's; this publisher knows its own only.
        source = self._track.publisher_ssrc
        if source is None:
            return
        self._waits = False
        self._sent_s = now
        counters.key_frame_requests += 1
        try:
            publisher.send_rtcp(self._track.index, self._request(source))
        except Exception:
            # Not the fault of the reader that had it asked.
            extra = {"session": publisher.id, "peer": publisher.peer}
            logger.exception("a publisher raised when asked for a key frame", extra=extra)

    def _request(self, source: int) -> bytes:
        own = self._participant
        if not _wants_full_intra_request(self._track.media):
            return picture_loss_indication(own.ssrc, source, cname=own.cname)
        # RFC 5104 §4.3.1.2: the number MUST grow by one for each new command. This is no
        # repetition: the one before has had a second to be answered.
        self._sequence += 1
        return full_intra_request(own.ssrc, source, self._sequence, cname=own.cname)


def _wants_full_intra_request(media: MediaDescription) -> bool:
    """Return whether the publisher says that it understands FIR and does not say so of PLI."""
    understood = media.rtcp_feedback
    return "ccm fir" in understood and "nack pli" not in understood
