"""A server that cannot start says so in a few lines."""

from __future__ import annotations

import errno
import socket
import traceback

import pytest

from headwater import HttpSettings, RtspServer, Settings, ThreadedRtspServer, WebRtcSettings
from headwater.app.start_refusal import start_refusal
from headwater.net.errors import HostUnknownError


async def test_a_port_that_is_taken_is_named_without_the_way_to_its_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = RtspServer(host="127.0.0.1", publish_port=port)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: ") as caught:
            await server.start()
    assert caught.value.errno == errno.EADDRINUSE
    assert "0 for one that is free" in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert "tcp_listener" not in told
    assert "direct cause" not in told
    assert not server.running


async def test_the_taken_port_of_browsers_is_named_with_its_own_setting() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        settings = Settings(http=HttpSettings(port=0), webrtc=WebRtcSettings(port=number))
        server = RtspServer(host="127.0.0.1", publish_port=0, settings=settings)
        with pytest.raises(OSError, match=rf"UDP port {number} .*choose another \(webrtc\.port\)"):
            await server.start()
    assert not server.running


def test_a_server_on_a_thread_says_the_same() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="0 for one that is free"):
            ThreadedRtspServer(host="127.0.0.1", publish_port=port).start()


@pytest.mark.parametrize(
    ("number", "words", "kind"),
    [
        (errno.EACCES, "ports below 1024", PermissionError),
        (errno.EADDRNOTAVAIL, "an address of this machine", OSError),
        (errno.EMFILE, "no more", OSError),
    ],
)
def test_each_reason_has_its_remedy(number: int, words: str, kind: type[OSError]) -> None:
    refusal = start_refusal(OSError(number, "no more"))
    assert isinstance(refusal, kind)
    assert refusal.errno == number
    assert words in str(refusal)


def test_an_unknown_host_speaks_for_itself() -> None:
    error = HostUnknownError(errno.EADDRNOTAVAIL, "no such host")
    assert start_refusal(error) is error
