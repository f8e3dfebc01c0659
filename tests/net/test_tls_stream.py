"""TlsStream speaks TLS with peers of another make and otherwise behaves as TcpStream."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from certificate_files import CertificateFiles, CertificateMaker
from stream_ends import (
    DEADLINE_S,
    HalfOpenRecorder,
    Recorder,
    pattern,
    tcp_pair,
)

from headwater.net.settings import ClientCertificates, TlsSettings, TlsVersion
from headwater.net.stream import ByteStream
from headwater.net.tls_context import ServerTls
from headwater.net.tls_stream import TlsStream


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> CertificateMaker:
    return CertificateMaker(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def files(maker: CertificateMaker) -> CertificateFiles:
    return maker.issue("server")


@pytest.fixture
def server(files: CertificateFiles) -> ssl.SSLContext:
    return ServerTls(TlsSettings(certificate=files.certificate, key=files.key)).context


@pytest.fixture
def client(maker: CertificateMaker) -> ssl.SSLContext:
    return maker.client_context()


@dataclass
class Peer:
    """A TLS client of asyncio's, so that both ends are not ours."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_exactly(self, count: int) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.readexactly(count)

    async def read_to_end(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            async with asyncio.timeout(DEADLINE_S):
                await self.writer.wait_closed()


async def connect(far: socket.socket, context: ssl.SSLContext) -> Peer:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(
            sock=far, ssl=context, server_hostname="localhost"
        )
    return Peer(reader, writer)


@contextlib.asynccontextmanager
async def open_stream(
    near: socket.socket, recorder: Recorder, context: ssl.SSLContext, **options: Any
) -> AsyncIterator[TlsStream]:
    stream = TlsStream(near, asyncio.get_running_loop(), recorder, context, **options)
    try:
        yield stream
    finally:
        stream.abort()
        await recorder.until(lambda: recorder.closed)
        await asyncio.sleep(0)
        assert len(recorder.closed) == 1


@pytest.mark.parametrize("version", list(TlsVersion))
async def test_both_directions(
    files: CertificateFiles, client: ssl.SSLContext, version: TlsVersion
) -> None:
    settings = TlsSettings(certificate=files.certificate, key=files.key, minimum_version=version)
    if version is TlsVersion.TLS_1_2:
        client.maximum_version = ssl.TLSVersion.TLSv1_2
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, ServerTls(settings).context) as stream:
        checked: ByteStream = stream
        assert checked.secure
        assert checked.peer_address == far.getsockname()
        assert checked.local_address == far.getpeername()
        assert stream.peer_certificate is None
        peer = await connect(far, client)
        peer.writer.write(b"there")
        await recorder.until(lambda: recorder.received == b"there")
        assert stream.handshake_done
        assert peer.writer.get_extra_info("cipher")[1] == f"TLSv{version.value}"
        stream.write(b"and back")
        assert await peer.read_exactly(8) == b"and back"
        assert stream.bytes_sent > 8
        assert stream.bytes_received > 5
        assert (stream.queued_bytes, stream.writes_stalled_since) == (0, None)
        assert stream.oldest_queued_s(asyncio.get_running_loop().time()) == 0.0
        await peer.close()


async def test_large_data_both_ways(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair(16_384)
    recorder = Recorder()
    data = pattern(2_000_000)
    async with open_stream(near, recorder, server) as stream:
        peer = await connect(far, client)
        peer.writer.write(data[:4])
        await recorder.until(lambda: recorder.received)
        stream.write(data)
        stream.write(b"")
        stream.write(data[:100_000])
        assert stream.queued_bytes > 1_000_000
        assert stream.writes_stalled_since is not None
        peer.writer.write(data[4:])
        assert await peer.read_exactly(len(data) + 100_000) == data + data[:100_000]
        await recorder.until(lambda: len(recorder.received) == len(data))
        assert recorder.received == data
        await recorder.until(lambda: recorder.drained)
        await peer.close()


async def test_writes_before_the_handshake_wait(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        stream.write(b"early ")
        stream.write(b"bird")
        assert stream.queued_bytes == 10
        peer = await connect(far, client)
        assert await peer.read_exactly(10) == b"early bird"
        assert stream.queued_bytes == 0
        await peer.close()


class ManualPeer:
    """A TLS client that decides which records travel together."""

    def __init__(self, far: socket.socket, context: ssl.SSLContext) -> None:
        self._far = far
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    async def flush(self) -> None:
        await asyncio.get_running_loop().sock_sendall(self._far, self._outgoing.read())

    async def handshake(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    self.tls.do_handshake()
                except ssl.SSLWantReadError:
                    await self.flush()
                    self._incoming.write(await loop.sock_recv(self._far, 65_536))
                else:
                    await self.flush()
                    return


async def test_many_records_are_one_batch(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    with far:
        async with open_stream(near, recorder, server):
            peer = ManualPeer(far, client)
            await peer.handshake()
            for number in range(20):
                peer.tls.write(b"frame %02d" % number)
            await peer.flush()
            await recorder.until(lambda: len(recorder.received) == 160)
            assert recorder.chunks == 1


async def test_first_bytes_already_read(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    loop = asyncio.get_running_loop()
    connecting = asyncio.create_task(connect(far, client))
    near.setblocking(False)
    async with asyncio.timeout(DEADLINE_S):
        first = await loop.sock_recv(near, 1)
    assert first == b"\x16"
    async with open_stream(near, recorder, server, initial_data=first):
        peer = await connecting
        peer.writer.write(b"works")
        await recorder.until(lambda: recorder.received == b"works")
        await peer.close()


async def test_close_sends_what_is_queued_and_close_notify(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    near, far = tcp_pair(16_384)
    recorder = Recorder()
    data = pattern(500_000)
    async with open_stream(near, recorder, server) as stream:
        peer = await connect(far, client)
        stream.write(data)
        stream.close()
        stream.close()
        stream.write(b"too late")
        assert await peer.read_to_end() == data
        await peer.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.closed == [None]


async def test_close_before_the_handshake_waits_for_what_was_written(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        stream.write(b"503")
        stream.close()
        assert stream.closed
        stream.write(b"too late")
        peer = await connect(far, client)
        peer.writer.write(b"request")
        assert await peer.read_to_end() == b"503"
        await peer.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.closed == [None]
        assert not recorder.received


@pytest.mark.parametrize("written", [b"", b"503"])
async def test_close_before_a_handshake_that_never_comes(
    server: ssl.SSLContext, written: bytes
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        if written:
            stream.write(written)
        stream.close()
        far.close()
        await recorder.until(lambda: recorder.closed)


async def test_close_notify_is_seen_by_openssl(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        far.setblocking(True)

        def talk() -> bytes:
            # Without close_notify this raises SSLEOFError.
            with client.wrap_socket(
                far, server_hostname="localhost", suppress_ragged_eofs=False
            ) as tls:
                tls.settimeout(DEADLINE_S)
                tls.send(b"bye")
                return tls.recv(100) + tls.recv(100)

        def answer(_: bytes) -> None:
            stream.write(b"answer")
            stream.close()

        recorder.on_data = answer
        async with asyncio.timeout(DEADLINE_S):
            assert await asyncio.to_thread(talk) == b"answer"
        await recorder.until(lambda: recorder.closed == [None])


async def test_peer_leaves_in_order(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server):
        peer = await connect(far, client)
        peer.writer.write(b"last words")
        await peer.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.received == b"last words"
        assert recorder.closed == [None]


async def test_peer_leaves_without_close_notify(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        peer = await connect(far, client)
        stream.write(b"x")
        await peer.read_exactly(1)
        peer.writer.transport.abort()
        await recorder.until(lambda: recorder.closed)
        assert recorder.closed == [None]
        await peer.close()


async def test_half_close_receiver_goes_on(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = HalfOpenRecorder()
    async with open_stream(near, recorder, server) as stream:
        peer = ManualPeer(far, client)
        await peer.handshake()
        with contextlib.suppress(ssl.SSLWantReadError):
            peer.tls.unwrap()
        await peer.flush()
        await recorder.until(lambda: recorder.ended == 1)
        assert not stream.closed
        stream.write(b"answer")
        assert stream.bytes_sent > 0
        far.shutdown(socket.SHUT_WR)
        for _ in range(5):
            await asyncio.sleep(0)
        assert recorder.ended == 1
        stream.close()
        far.close()
        await recorder.until(lambda: recorder.closed)


async def test_handshake_deadline(server: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    with far:
        async with open_stream(near, recorder, server, handshake_deadline_s=0.05) as stream:
            far.send(b"\x16\x03")
            await recorder.until(lambda: recorder.closed)
            assert stream.closed
            assert isinstance(recorder.closed[0], TimeoutError)
            assert "handshake not done after 0.05 s" in str(recorder.closed[0])


async def test_no_tls_at_all(server: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    with far:
        async with open_stream(near, recorder, server):
            far.send(b"OPTIONS rtsp://host/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(DEADLINE_S):
                while await loop.sock_recv(far, 100):
                    pass
            far.close()
            await recorder.until(lambda: recorder.closed)
            assert isinstance(recorder.closed[0], ssl.SSLError)


async def test_garbage_after_the_handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        peer = await connect(far, client)
        stream.write(b"x")
        await peer.read_exactly(1)
        stream.stream_data(b"garbage that is no record at all")
        await peer.close()
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ssl.SSLError)
        assert not recorder.received


async def test_peer_leaves_during_the_handshake(server: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server):
        far.send(b"\x16")
        far.close()
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ConnectionResetError)


async def test_client_that_does_not_trust_us(server: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server):
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(far, ssl.create_default_context())
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ssl.SSLError | ConnectionResetError)


async def test_old_version_is_refused(files: CertificateFiles, client: ssl.SSLContext) -> None:
    settings = TlsSettings(
        certificate=files.certificate, key=files.key, minimum_version=TlsVersion.TLS_1_3
    )
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, ServerTls(settings).context):
        with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
            await connect(far, client)
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ssl.SSLError)


@pytest.mark.parametrize(
    ("wanted", "shown", "served"),
    [
        (ClientCertificates.OPTIONAL, True, True),
        (ClientCertificates.OPTIONAL, False, True),
        (ClientCertificates.REQUIRED, True, True),
        (ClientCertificates.REQUIRED, False, False),
    ],
)
async def test_client_certificates(
    maker: CertificateMaker,
    files: CertificateFiles,
    client: ssl.SSLContext,
    wanted: ClientCertificates,
    shown: bool,
    served: bool,
) -> None:
    settings = TlsSettings(
        certificate=files.certificate,
        key=files.key,
        client_certificates=wanted,
        client_ca=maker.ca.certificate,
    )
    if shown:
        own = maker.issue("camera-7")
        client.load_cert_chain(own.certificate, own.key)
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, ServerTls(settings).context) as stream:
        peer = await connect(far, client)
        peer.writer.write(b"hello")
        if served:
            await recorder.until(lambda: recorder.received == b"hello")
            certificate = stream.peer_certificate
            assert (certificate is not None) is shown
            if certificate is not None:
                assert certificate["subject"] == ((("commonName", "camera-7"),),)
        else:
            await recorder.until(lambda: recorder.closed)
            assert isinstance(recorder.closed[0], ssl.SSLError)
            assert not recorder.received
        await peer.close()


async def test_reset(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server) as stream:
        peer = await connect(far, client)
        stream.write(b"x")
        await peer.read_exactly(1)
        sock = peer.writer.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.writer.transport.abort()
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ConnectionResetError)
        stream.write(b"y")


@pytest.mark.parametrize("way", ["abort", "close"])
async def test_ending_inside_a_callback(
    server: ssl.SSLContext, client: ssl.SSLContext, way: str
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    async with open_stream(near, recorder, server, read_bytes=1_024) as stream:
        recorder.on_data = lambda data: getattr(stream, way)()
        peer = await connect(far, client)
        peer.writer.write(bytes(100_000))
        await recorder.until(lambda: stream.closed)
        await peer.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.chunks == 1


async def test_failing_receiver_ends_its_own_stream(
    server: ssl.SSLContext, client: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    near, far = tcp_pair()
    recorder = Recorder()
    fault = RuntimeError("a bug")

    def fail(data: bytes) -> None:
        raise fault

    recorder.on_data = fail
    async with open_stream(near, recorder, server):
        peer = await connect(far, client)
        peer.writer.write(b"data")
        await recorder.until(lambda: recorder.closed)
        await peer.close()
    assert recorder.closed == [fault]
    assert "Stream receiver failed" in caplog.text


async def test_client_side(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    near, far = tcp_pair()
    ours, theirs = Recorder(), Recorder()
    async with (
        open_stream(near, theirs, server) as serving,
        open_stream(far, ours, client, server_side=False, server_hostname="localhost") as asking,
    ):
        asking.write(b"question")
        await theirs.until(lambda: theirs.received == b"question")
        serving.write(b"answer")
        await ours.until(lambda: ours.received == b"answer")
        asking.close()
        await theirs.until(lambda: theirs.closed == [None])
        await ours.until(lambda: ours.closed == [None])


async def test_client_side_with_the_wrong_name(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    near, far = tcp_pair()
    ours, theirs = Recorder(), Recorder()
    async with (
        open_stream(near, theirs, server),
        open_stream(far, ours, client, server_side=False, server_hostname="example.com"),
    ):
        await ours.until(lambda: ours.closed)
        assert isinstance(ours.closed[0], ssl.SSLCertVerificationError)
        await theirs.until(lambda: theirs.closed)
