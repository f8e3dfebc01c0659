"""Servers that are given by the paths of their programs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench.given_peers import GIVEN, given_peers
from bench.peers import Ports, Server
from own_ports import own_port

PORTS = Ports(
    own_port(901),
    own_port(902),
    own_port(904),
    20,
    http_port=own_port(930),
    hls_port=own_port(931),
    webrtc_port=own_port(932),
)


def test_each_name_is_a_server_with_its_program_and_settings() -> None:
    peers = given_peers(" ".join(f"{name}={sys.executable}" for name in GIVEN))
    assert list(peers) == ["mediamtx", "go2rtc", "zlmediakit"]
    for name, peer in peers.items():
        assert (peer.name, peer.command[0]) == (name, str(Path(sys.executable).resolve()))
        assert peer.publish_url.startswith("rtsp://127.0.0.1:{publish_port}/")
        assert peer.publish_url.endswith("/{mount}")
        assert [f"{{folder}}/{file}" for file in peer.files] == [peer.command[-1]]
    assert [peer.over_udp for peer in peers.values()] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            f"other={sys.executable}",
            "unknown server 'other'; known are mediamtx, go2rtc, zlmediakit",
        ),
        ("mediamtx=/no/such/program", "mediamtx=/no/such/program: there is no program at this"),
        ("mediamtx", "mediamtx=: there is no program at this path"),
    ],
)
def test_what_cannot_be_run_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        given_peers(text)


@pytest.mark.parametrize("name", list(GIVEN))
def test_settings_are_written_with_the_ports_before_the_start(name: str, tmp_path: Path) -> None:
    peer = given_peers(f"{name}={sys.executable}")[name]
    server = Server(peer, 0, tmp_path / "log", ports=PORTS)
    with pytest.raises(RuntimeError, match="ended while starting"), server:
        pass  # Python does not understand these settings
    (written,) = (tmp_path / file for file in peer.files)
    assert str(PORTS.publish_port) in written.read_text()
    assert "127.0.0.1" in written.read_text()
    assert "{" + "publish_port}" not in written.read_text()


@pytest.mark.parametrize("name", list(GIVEN))
def test_what_they_write_where_they_are_stays_out_of_the_repository(
    name: str, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\npwd > written\n")
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    peer = given_peers(f"{name}={program}")[name]
    with (
        pytest.raises(RuntimeError, match="ended while starting"),
        Server(peer, 0, work / "log", ports=PORTS),
    ):
        pass
    assert (work / "written").read_text().strip() == str(work)
