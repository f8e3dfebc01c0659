"""One peer connection: its checks, its handshake, its keys, and the way on which it is reached."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from headwater.log_pace import paced_logger
from headwater.net.socket_address import address_text
from headwater.protocol.rtcp import is_rtcp
from headwater.protocol.webrtc.answer import Identity
from headwater.protocol.webrtc.peer_states import (
    DEADLINES_S,
    PeerEvent,
    PeerState,
    next_state,
)
from headwater.protocol.webrtc.stun import StunMessage, binding_success
from headwater.transports.work_turns import WorkTurns
from headwater.webrtc.dtls import DtlsFailed, DtlsIdentity, DtlsSession
from headwater.webrtc.srtp import SrtpSession
from headwater.webrtc.way import Way

logger = paced_logger(__name__)

_MOST_WAITING = 16
"""Datagrams of a handshake that may wait for their turn: two whole flights."""
_UFRAG_BYTES = 6
_PASSWORD_BYTES = 18
"""RFC 8445 §5.3: at least 24 and 128 bits of randomness."""


class PeerOwner(Protocol):
    """Whoever the peer's media is for."""

    def peer_connected(self) -> None:
        """Learn that media may flow."""

    def peer_moved(self) -> None:
        """Learn that it is reached by another way from now on."""

    def peer_rtp(self, packet: bytes) -> None:
        """Take an RTP packet of the peer."""

    def peer_rtcp(self, compound: bytes) -> None:
        """Take a compound RTCP packet of the peer."""

    def peer_ended(self, cause: str) -> None:
        """Learn that the peer ended it, or that it failed; nothing more comes."""


class Peer:
    """A peer connection on the server's port.

    Attributes:
        identity: what its answer shows.
        state: see `PeerState`.
        way: where it is reached; None before its first check.
        checked_s: when its last check came.
    """

    def __init__(
        self,
        owner: PeerOwner,
        dtls: DtlsIdentity,
        fingerprints: Mapping[str, str],
        *,
        clock: Callable[[], float],
        turns: WorkTurns,
    ) -> None:
        self.identity = Identity(
            ufrag=secrets.token_hex(_UFRAG_BYTES),
            password=secrets.token_hex(_PASSWORD_BYTES),
            fingerprint=dtls.fingerprint,
        )
        self.state = PeerState.NEW
        self.way: Way | None = None
        self.checked_s = self._state_since_s = clock()
        self._owner = owner
        self._dtls_identity = dtls
        self._dtls: DtlsSession | None = None
        self._fingerprints = fingerprints
        self._clock = clock
        self._turns = turns
        self._waiting: deque[bytes] = deque()
        self._srtp: SrtpSession | None = None

    @property
    def srtp(self) -> SrtpSession:
        """Its keys; it must be connected."""
        if self._srtp is None:
            raise RuntimeError("the peer is not connected")
        return self._srtp

    @property
    def rejected_packets(self) -> int:
        """Packets that came in its name and were forged, replayed or damaged."""
        return 0 if self._srtp is None else self._srtp.failures

    # -- what comes

    def checked(self, request: StunMessage, way: Way) -> bool:
        """Answer a check that is signed rightly; return whether its way is the one from now on."""
        self._enter(PeerEvent.CHECK)
        self.checked_s = self._clock()
        way.send_datagram(binding_success(request, way.peer, self.identity.password))
        # RFC 8445 §8.1.1: the controlling side nominates; each nomination may move the peer.
        if self.way is None or (request.nominates and way is not self.way):
            self.way = way
            self._owner.peer_moved()
            return True
        return False

    def dtls_datagram(self, datagram: bytes) -> None:
        """Take a datagram of the handshake: now, or when the loop has time for it."""
        if self._turns.may_begin():
            self._shake(datagram)
        elif len(self._waiting) < _MOST_WAITING:
            self._waiting.append(datagram)
            # What is under way ends before more is begun: else all of a crowd would be sent again.
            self._turns.wait(partial(self._shake_next), known=self._dtls is not None)

    def srtp_packet(self, packet: bytes) -> None:
        """Take an encrypted packet; what is not the peer's is counted only."""
        srtp = self._srtp
        if srtp is None or self.state is not PeerState.CONNECTED:
            return
        # RFC 5761 §4: the types of RTCP are told by the second byte, which is not encrypted.
        if is_rtcp(packet):
            compound = srtp.unprotect_rtcp(packet)
            if compound is not None:
                self._owner.peer_rtcp(compound)
        else:
            media = srtp.unprotect(packet)
            if media is not None:
                self._owner.peer_rtp(media)

    # -- what goes

    def send_rtcp(self, compound: bytes) -> None:
        """Send a compound RTCP packet; it must be connected."""
        if self.way is not None:
            self.way.send_datagram(self.srtp.protect_rtcp(compound))

    # -- time and end

    def look(self, now: float) -> str | None:
        """Send again what is due; return why it is over, None while it is not."""
        since_s = self.checked_s if self.state is PeerState.CONNECTED else self._state_since_s
        deadline_s = DEADLINES_S.get(self.state)
        if deadline_s is not None and now - since_s > deadline_s:
            return _OVERDUE[self.state]
        if self._dtls is not None and self.state is PeerState.CHECKED:
            try:
                self._send(self._dtls.retransmit())
            except DtlsFailed as failure:
                return str(failure)
        return None

    def close(self) -> None:
        """Say that it is over, and forget the keys; a second call does nothing."""
        if self.state is PeerState.CLOSED:
            return
        self._enter(PeerEvent.END)
        if self._dtls is not None:
            self._send(self._dtls.close())
        self._dtls = self._srtp = None
        self._waiting.clear()
        if self.way is not None:
            self.way.close()
            self.way = None

    # -- the handshake

    def _shake_next(self) -> None:
        if self._waiting:
            self._shake(self._waiting.popleft())

    def _shake(self, datagram: bytes) -> None:
        if self.state not in {PeerState.CHECKED, PeerState.CONNECTED}:
            return
        if self._dtls is None:
            self._dtls = DtlsSession(self._dtls_identity)
        dtls = self._dtls
        try:
            self._send(dtls.receive(datagram))
            if dtls.done and self.state is PeerState.CHECKED:
                self._srtp = SrtpSession(dtls.keys(self._fingerprints))
                self._enter(PeerEvent.KEYS)
                self._owner.peer_connected()
        except DtlsFailed as failure:
            self._fail(str(failure))
            return
        if dtls.ended:
            self._owner.peer_ended("the peer left")

    def _fail(self, cause: str) -> None:
        peer = "" if self.way is None else address_text(self.way.peer)
        logger.info("peer connection failed", extra={"peer": peer, "cause": cause})
        self._owner.peer_ended(cause)

    def _send(self, datagrams: Sequence[bytes]) -> None:
        if self.way is not None:
            for datagram in datagrams:
                self.way.send_datagram(datagram)

    def _enter(self, event: PeerEvent) -> None:
        before, self.state = self.state, next_state(self.state, event)
        if self.state is not before:
            self._state_since_s = self._clock()


_OVERDUE = {
    PeerState.NEW: "no check of the peer came: a firewall, or no candidate that it can reach "
    "(webrtc.hosts)",
    PeerState.CHECKED: "the peer did not end the handshake",
    PeerState.CONNECTED: "the peer was not heard of for 30 s",
}
