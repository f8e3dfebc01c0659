"""What peers find at the ports: IPv4 and IPv6, TLS by first byte, PROXY headers."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inside import inside
from logged import event_of, events
from own_ports import free_port
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpPublisher, UdpReader, wait_for

from headwater import HookRequest, Hooks, RtspServer, Settings
from headwater.net.settings import ClientCertificates, TlsSettings
from headwater.relay.limit_settings import LimitSettings
from headwater.server.settings import ServerSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 loopback here")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


def trusting(certificate: TlsSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.certificate)


@needs_ipv6
@pytest.mark.parametrize("kind", [TcpReader, UdpReader])
async def test_ipv6_alone_carries_media_both_ways(start_server: ServerFactory, kind: Any) -> None:
    server = await start_server(host="::1")
    url = server.play_url("/a")
    assert url.startswith(f"rtsp://[::1]:{server.play_port}/")
    publisher = await UdpPublisher.start(server.publish_port, url, "::1")
    if kind is UdpReader:
        udp = await UdpReader.start(server.play_port, url, "::1")
        sent = publisher.send(2)
        assert [await udp.packet() for _ in sent] == sent
    else:
        sock = socket.create_connection(("::1", server.play_port))
        tcp = await TcpReader.start(server.play_port, url, sock=sock)
        sent = publisher.send(2)
        assert [await tcp.peer.frame() for _ in sent] == [(0, packet) for packet in sent]
    described = await publisher.peer.ask("DESCRIBE", url)
    assert b"c=IN IP6 " in described.body
    assert server.sessions[publisher.session].peer.startswith("[::1]:")


@needs_ipv6
async def test_empty_host_serves_both_families_from_each_to_each(
    start_server: ServerFactory,
) -> None:
    server = await start_server(host="")
    url = server.play_url("/a")
    publisher = await UdpPublisher.start(server.publish_port, url, "::1")
    readers = [await UdpReader.start(server.play_port, url, host) for host in ("127.0.0.1", "::1")]
    [sent] = publisher.send()
    assert [await reader.packet() for reader in readers] == [sent, sent]
    assert server.udp_pairs_in_use == 3, "an egress pair for each local address"


@needs_openssl
async def test_one_port_serves_rtsp_and_rtsps(
    start_server: ServerFactory, certificate: TlsSettings
) -> None:
    server = await start_server(settings=Settings(tls=certificate))
    url = server.publish_url("/a")
    publisher = await TcpPublisher.start(server.publish_port, url)
    secure = await RtspPeer.connect(server.play_port, ssl=trusting(certificate))
    secure_url = url.replace("rtsp://", "rtsps://")
    described = await secure.ask("DESCRIBE", secure_url)
    assert described.status == 200
    assert described.header("Content-Base") == f"{secure_url}/"
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    setup = await secure.ask("SETUP", f"{secure_url}/trackID=0", transport)
    assert (await secure.ask("PLAY", secure_url, {"Session": setup.session})).status == 200
    plain = await TcpReader.start(server.play_port, url)
    sent = await publisher.send(3)
    expected = [(0, packet) for packet in sent]
    assert [await secure.frame() for _ in sent] == expected
    assert [await plain.peer.frame() for _ in sent] == expected
    await secure.close()
    await wait_for(lambda: len(server.mounts["/a"].readers) == 1)


@needs_openssl
@pytest.mark.parametrize("shown", [True, False])
async def test_hooks_see_who_the_client_proved_to_be(
    start_server: ServerFactory, certificate: TlsSettings, shown: bool
) -> None:
    seen: list[Any] = []

    def check(request: HookRequest) -> bool:
        seen.append(request.certificate)
        return False

    tls = replace(
        certificate,
        client_certificates=ClientCertificates.OPTIONAL,
        client_ca=certificate.certificate,
    )
    server = await start_server(settings=Settings(tls=tls), play_hooks=Hooks(check_mount=check))
    context = trusting(certificate)
    if shown:
        context.load_cert_chain(certificate.certificate, certificate.key)
    url = server.play_url("/a")
    ways: tuple[dict[str, Any], ...] = ({"ssl": context}, {})
    for options in ways:
        peer = await RtspPeer.connect(server.play_port, **options)
        assert (await peer.ask("DESCRIBE", url)).status == 403
    subjects = [None if one is None else one["subject"] for one in seen]
    assert subjects == [((("commonName", "localhost"),),) if shown else None, None]


@needs_openssl
async def test_publisher_over_tls(start_server: ServerFactory, certificate: TlsSettings) -> None:
    server = await start_server(settings=Settings(tls=certificate))
    url = server.publish_url("/a").replace("rtsp://", "rtsps://")
    peer = await RtspPeer.connect(server.publish_port, ssl=trusting(certificate))
    announced = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
    headers = {"Session": announced.session}
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
    assert (await peer.ask("SETUP", f"{url}/streamid=0", headers | transport)).status == 200
    assert (await peer.ask("RECORD", url, headers)).status == 200
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await TcpPublisher(peer, url, announced.session).send(2)
    assert [await reader.peer.frame() for _ in sent] == [(0, packet) for packet in sent]


@needs_openssl
async def test_rtsps_port_takes_tls_alone(
    start_server: ServerFactory, certificate: TlsSettings
) -> None:
    port = free_port()
    settings = Settings(tls=certificate, server=ServerSettings(rtsps_port=port))
    server = await start_server(settings=settings)
    secure = await RtspPeer.connect(port, ssl=trusting(certificate))
    assert (await secure.ask("OPTIONS", "*")).status == 200
    plain = await RtspPeer.connect(port)
    await plain.send(plain.request("OPTIONS", "*"))
    assert (await plain.closed()).startswith(b"RTSP/1.0 403 ")
    elsewhere = await RtspPeer.connect(server.play_port)
    assert (await elsewhere.ask("OPTIONS", "*")).status == 200


@needs_openssl
async def test_tls_only_refuses_plain_rtsp_on_every_port(
    start_server: ServerFactory, certificate: TlsSettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(tls=certificate, server=ServerSettings(tls_only=True))
    server = await start_server(settings=settings)
    caplog.set_level("INFO")
    plain = await RtspPeer.connect(server.play_port)
    answer = await plain.ask("OPTIONS", "*")
    assert answer.status == 403
    assert b"rtsps" in answer.body
    assert await plain.closed() == b""
    (line,) = [vars(r) for r in caplog.records if "without TLS" in event_of(r)]
    assert line["peer"] == f"127.0.0.1:{plain.local_port}"
    assert "rtsps" in line["cause"]
    assert server.counters.connections_closed_by_cause["no TLS"] == 1
    browser = await RtspPeer.connect(server.play_port)
    await browser.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (await browser.closed()).startswith(b"HTTP/1.1 403 ")
    secure = await RtspPeer.connect(server.play_port, ssl=trusting(certificate))
    assert (await secure.ask("OPTIONS", "*")).status == 200
    for url in (server.publish_url("/a"), server.play_url("/a")):
        assert url.startswith("rtsps://")


@pytest.mark.parametrize(
    "server", [ServerSettings(rtsps_port=8322), ServerSettings(tls_only=True)], ids=["port", "only"]
)
def test_tls_without_a_certificate_is_refused_at_once(server: ServerSettings) -> None:
    with pytest.raises(ValueError, match=r"tls\.certificate"):
        RtspServer(settings=Settings(server=server))


@needs_openssl
async def test_broken_or_silent_handshakes_cost_nobody_else_anything(
    start_server: ServerFactory, certificate: TlsSettings, clock: Any
) -> None:
    server = await start_server(settings=Settings(tls=certificate))
    broken = await RtspPeer.connect(server.play_port)
    await broken.send(b"\x16\x03\x01\x00\x05hello and more than that")
    await broken.closed()
    silent = await RtspPeer.connect(server.play_port)
    begun = await RtspPeer.connect(server.play_port)
    await begun.send(b"\x16\x03\x01")
    service = inside(server)
    await wait_for(lambda: begun.local_port in {one.peer_port for one in service.connections})
    clock.advance(11)
    assert await silent.closed() == b""
    await begun.closed()
    secure = await RtspPeer.connect(server.play_port, ssl=trusting(certificate))
    assert (await secure.ask("OPTIONS", "*")).status == 200


@needs_openssl
async def test_new_certificate_is_taken_without_dropping_anybody(
    start_server: ServerFactory, certificate: TlsSettings, clock: Any, tmp_path: Path
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for source, target in ((certificate.certificate, cert), (certificate.key, key)):
        shutil.copyfile(source, target)
    server = await start_server(
        settings=Settings(tls=TlsSettings(certificate=str(cert), key=str(key)))
    )
    tls = inside(server).relay.certificates.tls
    assert tls is not None
    before = tls.context
    old = await RtspPeer.connect(server.play_port, ssl=trusting(certificate))
    assert (await old.ask("OPTIONS", "*")).status == 200
    shutil.copyfile(certificate.certificate, cert)
    clock.advance(6)
    await wait_for(lambda: tls.context is not before)
    taken = tls.context
    assert (await old.ask("OPTIONS", "*")).status == 200
    new = await RtspPeer.connect(server.play_port, ssl=trusting(certificate))
    assert (await new.ask("OPTIONS", "*")).status == 200
    cert.write_text("no certificate")
    clock.advance(6)
    await wait_for(lambda: not tls.files_changed)
    assert tls.context is taken, "a broken file leaves the old certificate in place"


PROXY_V1 = b"PROXY TCP4 203.0.113.7 192.0.2.1 5678 554\r\n"
PROXY_V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    + struct.pack(">H", 12)
    + socket.inet_aton("203.0.113.7")
    + socket.inet_aton("192.0.2.1")
    + struct.pack(">HH", 5678, 554)
)


SDP_HEADERS = {"Content-Type": "application/sdp"}


def behind_proxy(**limits: int) -> Settings:
    return Settings(
        server=ServerSettings(proxy_protocol_from=("127.0.0.0/8",)), limits=LimitSettings(**limits)
    )


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2], ids=["v1", "v2"])
@pytest.mark.parametrize("split", [False, True])
async def test_proxy_header_tells_the_real_peer(
    start_server: ServerFactory, header: bytes, split: bool
) -> None:
    seen: list[HookRequest] = []

    def check(request: HookRequest) -> bool:
        seen.append(request)
        return False

    server = await start_server(settings=behind_proxy(), play_hooks={"check_mount": check})
    peer = await RtspPeer.connect(server.play_port)
    for part in [bytes([byte]) for byte in header] if split else [header]:
        await peer.send(part)
    assert (await peer.ask("DESCRIBE", "rtsp://h/a")).status == 403
    assert [request.peer for request in seen] == [("203.0.113.7", 5678)]


@pytest.mark.parametrize("client", ["TCP6 2001:db8::7 2001:db8::1", "TCP4 203.0.113.7 192.0.2.1"])
async def test_client_that_udp_does_not_reach_from_behind_the_proxy_gets_tcp(
    start_server: ServerFactory, client: str
) -> None:
    """The server is on a loopback address of IPv4, as a proxy of the same machine reaches it."""
    proxy = ("127.0.0.9", 0)
    settings = Settings(server=ServerSettings(proxy_protocol_from=(proxy[0],)))
    server = await start_server(settings=settings, rtp_port_count=4)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    udp = "RTP/AVP;unicast;client_port=5000-5001"
    tcp = "RTP/AVP/TCP;unicast;interleaved=0-1"
    url = server.play_url("/a")
    for _ in range(3):
        reader = await RtspPeer.connect(server.play_port, local_addr=proxy)
        await reader.send(f"PROXY {client} 4000 554\r\n".encode())
        refused = await reader.ask("SETUP", f"{url}/trackID=0", {"Transport": udp})
        assert (refused.status, b"allowed: " in refused.body) == (461, True)
        both = await reader.ask("SETUP", f"{url}/trackID=0", {"Transport": f"{udp},{tcp}"})
        assert "interleaved=0-1" in (both.header("Transport") or "")
        publisher = await RtspPeer.connect(server.publish_port, local_addr=proxy)
        await publisher.send(f"PROXY {client} 4000 554\r\n".encode())
        mount = server.publish_url("/b")
        announced = await publisher.ask("ANNOUNCE", mount, SDP_HEADERS, SDP_VIDEO)
        headers = {"Session": announced.session, "Transport": f"{udp};mode=record"}
        assert (await publisher.ask("SETUP", f"{mount}/streamid=0", headers)).status == 461
        headers["Transport"] = f"{udp};mode=record,{tcp};mode=record"
        both = await publisher.ask("SETUP", f"{mount}/streamid=0", headers)
        assert "interleaved=0-1" in (both.header("Transport") or "")
        assert server.udp_pairs_in_use == 0
        assert len(inside(server).transports.egresses) == 0
        await publisher.ask("TEARDOWN", mount, {"Session": announced.session})


async def test_limits_count_the_client_behind_the_proxy(start_server: ServerFactory) -> None:
    server = await start_server(settings=behind_proxy(connections_per_address=1))
    first, second, third = [await RtspPeer.connect(server.play_port) for _ in range(3)]
    await first.send(PROXY_V1)
    assert (await first.ask("OPTIONS", "*")).status == 200
    await second.send(PROXY_V1.replace(b"203.0.113.7", b"203.0.113.8"))
    assert (await second.ask("OPTIONS", "*")).status == 200
    await third.send(PROXY_V1 + third.request("OPTIONS", "*"))
    assert (await third.closed()).startswith(b"RTSP/1.0 503 ")
    await first.close()
    await wait_for(lambda: len(inside(server).connections) == 1)
    again = await RtspPeer.connect(server.play_port)
    await again.send(PROXY_V1)
    assert (await again.ask("OPTIONS", "*")).status == 200


async def test_proxy_header_from_anyone_else_is_no_request(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(PROXY_V1 + peer.request("OPTIONS", "*"))
    assert (await peer.closed()).startswith(b"RTSP/1.0 400 ")


async def test_broken_proxy_header_is_closed_without_an_answer(
    start_server: ServerFactory,
) -> None:
    server = await start_server(settings=behind_proxy())
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert await peer.closed() == b""
    other = await RtspPeer.connect(server.play_port)
    await other.send(PROXY_V1)
    assert (await other.ask("OPTIONS", "*")).status == 200


@needs_openssl
async def test_tls_behind_a_proxy(start_server: ServerFactory, certificate: TlsSettings) -> None:
    server = await start_server(
        settings=Settings(
            tls=certificate, server=ServerSettings(proxy_protocol_from=("127.0.0.1",))
        )
    )
    sock = socket.create_connection(("127.0.0.1", server.play_port))
    sock.sendall(PROXY_V2)
    sock.setblocking(False)
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=trusting(certificate), server_hostname="localhost"
    )
    peer = RtspPeer(reader, writer)
    assert (await peer.ask("OPTIONS", "*")).status == 200
    await peer.close()


async def test_connection_that_cannot_be_opened_is_forgotten(
    start_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(settings=Settings(limits=LimitSettings(connections_per_address=1)))
    service = inside(server)

    def broken(*_: object) -> None:
        raise OSError("no more of it")

    with monkeypatch.context() as patched:
        patched.setattr(service.rtsp.listeners, "_stream", broken)
        unlucky = await RtspPeer.connect(server.play_port)
        assert await unlucky.closed() == b""
    assert "connection not opened" in events(caplog.records)
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "*")).status == 200
