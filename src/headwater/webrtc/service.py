"""WebRTC of one server: its port, its peers, and the views of mounts that somebody watches."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from headwater.log_pace import paced_logger
from headwater.media.clock import Timer
from headwater.media.mount import Mount
from headwater.media.settings import SoundByWebRtc
from headwater.net.settings import SocketSettings
from headwater.protocol.rtcp_build import ntp_time
from headwater.protocol.webrtc.answer import AcceptedSection, Candidates, answer_text
from headwater.protocol.webrtc.offer import Offer
from headwater.relay.end import EndIdentity
from headwater.relay.relay import Relay
from headwater.side import Side
from headwater.transports.work_turns import WorkTurns
from headwater.webrtc.dtls import DtlsIdentity
from headwater.webrtc.ice_server import IceServer
from headwater.webrtc.incoming_track import IncomingTrack
from headwater.webrtc.ingest import Ingest
from headwater.webrtc.mount_view import MountView
from headwater.webrtc.negotiation import Agreement
from headwater.webrtc.opus_track import MakeTranscoder
from headwater.webrtc.peer import Peer, PeerOwner
from headwater.webrtc.port import WebRtcPort
from headwater.webrtc.settings import WebRtcSettings
from headwater.webrtc.viewer import Viewer

logger = paced_logger(__name__)

_SECRET_BYTES: Final = 16
_LOOK_EVERY_S: Final = 0.25
"""Flights of a handshake are sent again after a second, and twice as long after each time."""


class WebRtcServiceSettings(Protocol):
    """The sections that WebRTC reads."""

    @property
    def webrtc(self) -> WebRtcSettings:
        """Where media reaches browsers."""

    @property
    def sockets(self) -> SocketSettings:
        """Kernel buffers."""


class WebRtcService:
    """Everything of WebRTC that lives as long as the server."""

    def __init__(
        self,
        relay: Relay,
        settings: WebRtcServiceSettings,
        to_opus: MakeTranscoder | None = None,
    ) -> None:
        """`to_opus` makes Opus of AAC; None where the packages for it are not installed."""
        self._relay = relay
        self._settings = settings
        self._to_opus = to_opus
        self._dtls = DtlsIdentity()
        self._turns = WorkTurns(relay.loop)
        self._views: dict[Mount, MountView] = {}
        self._sessions: dict[str, Viewer | Ingest] = {}
        self._look_timer: Timer | None = None
        self._cname = secrets.token_hex(8)
        self.port = WebRtcPort(relay.loop, relay.limits, settings.sockets)
        relay.upkeep.add(self.port.sweep, self._send_reports)

    def open(self, hosts: Sequence[str]) -> None:
        """Bind the port. Raises OSError, with the port in its message."""
        settings = self._settings.webrtc
        self.port.open(hosts, settings.port, tcp=settings.tcp)

    def apply(self, settings: WebRtcServiceSettings) -> None:
        """Go by other settings from the next session on."""
        self._settings = settings

    def close(self) -> None:
        """Close the port, once nobody uses it any more; a second call does nothing."""
        if self._look_timer is not None:
            self._look_timer.cancel()
            self._look_timer = None
        self.port.close()

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """What browsers may use to reach this server."""
        return tuple(map(IceServer.parse, self._settings.webrtc.ice_servers))

    @property
    def handshakes_waiting(self) -> int:
        """Datagrams of handshakes that wait for their turn."""
        return len(self._turns)

    @property
    def views(self) -> tuple[MountView, ...]:
        """The views of mounts that somebody watches."""
        return tuple(self._views.values())

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        """Those who watch, or are about to."""
        return tuple(each for each in self._sessions.values() if isinstance(each, Viewer))

    @property
    def ingests(self) -> tuple[Ingest, ...]:
        """Those who publish, or are about to."""
        return tuple(each for each in self._sessions.values() if isinstance(each, Ingest))

    def view_of(self, mount: Mount) -> MountView:
        """Return the view of a mount; it ends with the last who watches."""
        view = self._views.get(mount)
        if view is None:
            if mount.settings.audio is SoundByWebRtc.OPUS and self._to_opus is None:
                logger.warning(
                    "no sound by WebRTC: audio is opus, which needs pip install '.[media]'",
                    extra={"mount": mount.path},
                )
            view = self._views[mount] = MountView(
                mount,
                self._relay.loop,
                self._relay.mounts.cache_budget,
                partial(self._forget_view, mount),
                self._to_opus,
            )
        return view

    def _forget_view(self, mount: Mount) -> None:
        self._views.pop(mount, None)

    def session(self, secret: str) -> Viewer | Ingest | None:
        """Return who watches or publishes under this secret."""
        return self._sessions.get(secret)

    def watch(
        self, identity: EndIdentity, view: MountView, offer: Offer, agreement: Agreement, host: str
    ) -> tuple[str, str]:
        """Take in a viewer; return its secret, and the answer to its offer.

        `host` is the address that its request came to. Raises LimitReached, ServerStopping,
        MountFull, MountClosed.
        """
        relay, secret = self._relay, secrets.token_hex(_SECRET_BYTES)
        relay.require_room(Side.PLAY, identity.address_block, identity.peer)
        viewer = Viewer(
            identity,
            view,
            agreement.payload_types,
            relay.loop,
            end=relay.send_away,
            forget=partial(self._forget, secret),
        )
        peer = self._peer(viewer, offer)

        def begin() -> None:
            viewer.enter()
            viewer.attach(peer, view.mount)

        self._take_in(secret, viewer, peer, begin)
        return secret, self._answer(offer, agreement.sections, peer, host)

    def publish(
        self,
        identity: EndIdentity,
        offer: Offer,
        sections: Sequence[AcceptedSection | None],
        tracks: Sequence[IncomingTrack],
        host: str,
    ) -> tuple[str, str]:
        """Take in a publisher; return its secret, and the answer to its offer.

        Raises LimitReached, ServerStopping, MountBusy.
        """
        relay, secret = self._relay, secrets.token_hex(_SECRET_BYTES)
        relay.require_room(Side.PUBLISH, identity.address_block, identity.peer)
        relay.reservations.check(identity.path)
        ingest = Ingest(
            identity,
            relay,
            tracks,
            bit_rate_bps=lambda: self._settings.webrtc.publish_bits_per_s,
            forget=partial(self._forget, secret),
        )
        peer = self._peer(ingest, offer)
        self._take_in(secret, ingest, peer, partial(ingest.attach, peer))
        return secret, self._answer(offer, sections, peer, host)

    def _peer(self, owner: PeerOwner, offer: Offer) -> Peer:
        return Peer(
            owner, self._dtls, offer.fingerprints, clock=self._relay.loop.time, turns=self._turns
        )

    def _take_in(
        self, secret: str, session: Viewer | Ingest, peer: Peer, begin: Callable[[], None]
    ) -> None:
        relay = self._relay
        relay.open(session)
        try:
            begin()
            self.port.add(peer)
            self._sessions[secret] = session
            if self._look_timer is None:
                self._look_timer = relay.loop.call_later(_LOOK_EVERY_S, self._look)
        except BaseException:
            relay.close(session, "not begun")
            raise

    def _answer(
        self, offer: Offer, sections: Sequence[AcceptedSection | None], peer: Peer, host: str
    ) -> str:
        candidates = Candidates(
            hosts=tuple(dict.fromkeys((host, *self._settings.webrtc.hosts))),
            udp_port=self.port.port,
            tcp_port=self.port.tcp_port,
        )
        return answer_text(
            offer,
            sections,
            peer.identity,
            candidates,
            session_id=secrets.randbits(62),
            cname=self._cname,
        )

    def _forget(self, secret: str, peer: Peer) -> None:
        self.port.remove(peer)
        self._sessions.pop(secret, None)

    def _look(self) -> None:
        """Drive handshakes and deadlines."""
        now = self._relay.loop.time()
        for session in tuple(self._sessions.values()):
            peer = session.peer_connection
            if peer is None:
                continue
            try:
                cause = peer.look(now)
                if isinstance(session, Ingest) and cause is None:
                    session.look(now)
            except Exception:
                logger.exception("peer not looked at", extra={"session": session.id})
                cause = "failed"
            if cause is not None:
                logger.info(
                    "peer connection over",
                    extra={"mount": session.path, "peer": session.peer, "cause": cause},
                )
                self._relay.send_away(session, cause)
        self._look_timer = (
            self._relay.loop.call_later(_LOOK_EVERY_S, self._look) if self._sessions else None
        )

    def _send_reports(self, _now: float) -> None:
        ntp = ntp_time(time.time())
        reports = {view: list(view.reports(ntp, self._cname)) for view in self._views.values()}
        for viewer in self.viewers:
            for track, compound in reports.get(viewer.view, ()):
                viewer.send_report(track, compound)
