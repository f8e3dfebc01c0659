"""A server that was stopped for longer than its deadlines: it reads on before it judges."""

import asyncio
import importlib.util
import signal
import sys
from typing import Any

import pytest
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpPublisher, UdpReader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is of Unix")

PORT = r"play from +rtsp://[^:]+:(\d+)/NAME\n"
DEADLINE_S = 2.0
STOPPED_S = 4.0
LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]


async def publish_on(publishers: list[Any]) -> None:
    """Send as live publishers do, whether the server reads or not."""
    while True:
        for publisher in publishers:
            sent = publisher.send()
            if asyncio.iscoroutine(sent):
                await sent
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("loop", LOOPS)
async def test_nobody_is_sent_away_for_what_the_server_slept_through(start: Any, loop: str) -> None:
    deadlines = (
        "mounts.publisher_idle_timeout_s",
        "mounts.grace_s",
        "sessions.timeout_s",
        "limits.idle_connection_timeout_s",
    )
    server = start(
        *("serve", "--host", "127.0.0.1", "--publish-port", "0", "--loop", loop),
        *(word for name in deadlines for word in ("--set", f"{name}={DEADLINE_S}")),
    )
    port = int(server.wait_for(PORT)[1])
    base = f"rtsp://127.0.0.1:{port}"
    over_tcp = await TcpPublisher.start(port, f"{base}/tcp")
    over_udp = await UdpPublisher.start(port, f"{base}/udp")
    publishing = asyncio.create_task(publish_on([over_tcp, over_udp]))
    tcp_reader = await TcpReader.start(port, f"{base}/tcp")
    udp_reader = await UdpReader.start(port, f"{base}/udp")
    gone = await TcpPublisher.start(port, f"{base}/grace")
    await gone.send()
    waiting = await TcpReader.start(port, f"{base}/grace")
    idle = await RtspPeer.connect(port)
    assert (await idle.ask("OPTIONS", "*")).status == 200
    await gone.peer.ask("TEARDOWN", gone.url, {"Session": gone.session})

    server.send(signal.SIGSTOP)
    await asyncio.sleep(STOPPED_S)  # real time: the kernel alone knows that the server sleeps
    last_seq = over_udp.seq
    server.send(signal.SIGCONT)

    assert (await idle.ask("OPTIONS", "*")).status == 200
    returned = await TcpPublisher.start(port, f"{base}/grace")
    assert "mount closed" not in server.said
    for publisher in (over_tcp, over_udp):
        headers = {"Session": publisher.session}
        answer = await publisher.peer.ask("GET_PARAMETER", publisher.url, headers)
        assert answer.status == 200
    # What comes now is what was sent after the stop, by the publishers that were there before.
    while int.from_bytes((await udp_reader.packet())[2:4], "big") < last_seq:
        pass
    while int.from_bytes((await tcp_reader.peer.frame())[1][2:4], "big") < last_seq:
        pass
    await returned.send()
    await waiting.peer.frame()
    await asyncio.to_thread(server.wait_for, "the process stood still")
    assert "publisher idle" not in server.said

    publishing.cancel()
    # Deadlines go on from there: who sends nothing more is sent away.
    await asyncio.to_thread(server.wait_for, r"publisher idle.*/(udp|tcp)")
    assert server.said.count("the process stood still") == 1
