"""Media that is to be encrypted: what goes beside TLS, and SRTP, which is not relayed."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from logged import event_of
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher

from headwater import MountSettings, RtspServer, Settings
from headwater.net.settings import TlsSettings
from headwater.server.settings import ServerSettings
from headwater.transports.settings import RtpSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP_HEADERS = {"Content-Type": "application/sdp"}
UDP = "RTP/AVP;unicast;client_port=40000-40001"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
MULTICAST = "RTP/AVP;multicast"


@dataclass(frozen=True)
class Stage:
    """A server with a mount, and who connects to it."""

    server: RtspServer
    tls: ssl.SSLContext | None

    async def peer(self) -> RtspPeer:
        options: dict[str, Any] = {} if self.tls is None else {"ssl": self.tls}
        return await RtspPeer.connect(self.server.play_port, **options)

    async def announced(self, path: str) -> tuple[RtspPeer, str, str]:
        peer, url = await self.peer(), self.server.publish_url(path)
        answer = await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)
        assert answer.status == 200
        return peer, f"{url}/streamid=0", answer.session


@pytest.fixture
def stage(start_server: ServerFactory, certificate: TlsSettings) -> Callable[..., Awaitable[Stage]]:
    """Builds a stage by who connects and by what the settings say."""

    async def build(*, secure: bool, tls_only: bool, required: bool | None) -> Stage:
        settings = Settings(
            tls=certificate,
            server=ServerSettings(tls_only=tls_only),
            rtp=RtpSettings(require_secure_media=required),
            mounts=MountSettings(multicast_group="239.255.77.7"),
        )
        server = await start_server(settings=settings)
        context = ssl.create_default_context(cafile=certificate.certificate)
        found = Stage(server, context if secure else None)
        peer, track, session = await found.announced("/a")
        headers = {"Session": session}
        setup = await peer.ask("SETUP", track, headers | {"Transport": f"{TCP};mode=record"})
        assert setup.status == 200
        url = server.publish_url("/a")
        assert (await peer.ask("RECORD", url, headers)).status == 200
        return found

    return build


REFUSED = [
    pytest.param(True, True, None, id="tls_only"),
    pytest.param(True, False, True, id="required"),
]
ALLOWED = [
    pytest.param(True, True, False, id="tls_only and allowed"),
    pytest.param(True, False, None, id="TLS beside plain RTSP"),
    pytest.param(False, False, True, id="required, without TLS"),
]


@pytest.mark.parametrize(("secure", "tls_only", "required"), REFUSED)
async def test_media_stays_inside_tls(
    stage: Callable[..., Awaitable[Stage]], secure: bool, tls_only: bool, required: bool | None
) -> None:
    found = await stage(secure=secure, tls_only=tls_only, required=required)
    url = f"{found.server.play_url('/a')}/trackID=0"
    peer = await found.peer()
    for transport in (UDP, MULTICAST):
        answer = await peer.ask("SETUP", url, {"Transport": transport})
        assert answer.status == 461
        assert b"allowed: tcp" in answer.body
        assert b"inside the TLS connection" in answer.body
    answer = await peer.ask("SETUP", url, {"Transport": f"{UDP},{TCP}"})
    assert answer.status == 200
    assert (answer.header("Transport") or "").startswith("RTP/AVP/TCP")
    publisher, track, session = await found.announced("/b")
    headers = {"Session": session}
    for transport, status in ((UDP, 461), (TCP, 200)):
        record = headers | {"Transport": f"{transport};mode=record"}
        assert (await publisher.ask("SETUP", track, record)).status == status


@pytest.mark.parametrize(("secure", "tls_only", "required"), ALLOWED)
async def test_media_beside_tls_is_told(
    stage: Callable[..., Awaitable[Stage]],
    caplog: pytest.LogCaptureFixture,
    secure: bool,
    tls_only: bool,
    required: bool | None,
) -> None:
    caplog.set_level(logging.INFO)
    found = await stage(secure=secure, tls_only=tls_only, required=required)
    peer = await found.peer()
    url = f"{found.server.play_url('/a')}/trackID=0"
    assert (await peer.ask("SETUP", url, {"Transport": UDP})).status == 200
    told = [vars(r) for r in caplog.records if event_of(r) == "media not encrypted"]
    assert [(line["mount"], line["transport"]) for line in told] == [("/a", "udp")] * secure
    assert all("rtp.require_secure_media" in line["cause"] for line in told)


@pytest.mark.parametrize(
    "profile",
    [b"RTP/SAVP", b"RTP/SAVPF", b"UDP/TLS/RTP/SAVP", b"UDP/TLS/RTP/SAVPF", b"rtp/savp/tcp"],
)
async def test_a_publisher_of_srtp_is_told_at_once(server: RtspServer, profile: bytes) -> None:
    peer, url = await RtspPeer.connect(server.publish_port), server.publish_url("/a")
    described = SDP.replace(b"m=audio 0 RTP/AVP", b"m=audio 0 " + profile)
    answer = await peer.ask("ANNOUNCE", url, SDP_HEADERS, described)
    assert answer.status == 461
    assert b"track 1 is announced as " + profile + b", which is SRTP" in answer.body
    assert not server.sessions
    await TcpPublisher.start(server.publish_port, url, SDP)
    reader = await RtspPeer.connect(server.play_port)
    headers = {"Transport": f"{profile.decode()}/TCP;unicast;interleaved=0-1"}
    answer = await reader.ask("SETUP", f"{server.play_url('/a')}/trackID=0", headers)
    assert answer.status == 461
    assert b"SRTP (RTP/SAVP) is not served" in answer.body
