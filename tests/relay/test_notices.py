"""What the log tells of publishers and readers."""

from __future__ import annotations

import logging

import pytest
from logged import event_of
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader
from udp_peer import wait_for

from headwater import RtspServer

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}


@pytest.fixture(autouse=True)
def _events_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def line(caplog: pytest.LogCaptureFixture, event: str) -> logging.LogRecord:
    """The one line of this event."""
    [record] = [record for record in caplog.records if event_of(record) == event]
    return record


async def test_client_that_names_itself_in_describe_alone_is_named(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.play_url("/a")
    await TcpPublisher.start(server.publish_port, url)
    peer = await RtspPeer.connect(server.play_port)
    await peer.ask("DESCRIBE", url, {"User-Agent": "LibVLC/3.0.18"})
    setup = await peer.ask("SETUP", f"{url}/trackID=0", TCP)
    await peer.ask("PLAY", url, {"Session": setup.session})
    assert vars(line(caplog, "reader started"))["agent"] == "LibVLC/3.0.18"
    [reader] = server.mounts["/a"].readers
    assert reader.user_agent == "LibVLC/3.0.18"
    assert server.sessions[setup.session].user_agent == "LibVLC/3.0.18"


async def test_messages_name_mount_peer_and_cause_by_themselves(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.play_url("/a")
    publisher = await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, url)
    where = f"mount=/a session={reader.session} peer=127.0.0.1:{reader.peer.local_port}"
    started = line(caplog, "reader started").getMessage()
    assert started.startswith(f"reader started {where} transport=tcp tls=False")
    reader.peer.abort()
    await wait_for(lambda: not server.mounts["/a"].readers)
    assert line(caplog, "reader stopped").getMessage().endswith('cause="connection lost"')
    publisher.peer.abort()
    await wait_for(lambda: not server.mounts)
    # A mount without readers has no grace, so its line names no state that is over at once.
    assert "state" not in vars(line(caplog, "publisher stopped"))
