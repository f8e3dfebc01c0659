"""The configuration of a server of two workers whose test runs beside others."""

from __future__ import annotations

from pathlib import Path

from own_ports import own_port

_FILE = """
[server]
host = "127.0.0.1"
publish_port = 0
[rtp]
rtp_port_start = {rtp_port}
rtp_port_count = 400
[workers]
count = 2
hot_readers = {hot_readers}
[control]
status_socket = "{status_socket}"
{more}
"""
PORT = r"play from +rtsp://[^:]+:(\d+)/NAME\n"
"""What the server says once it serves."""


def status_socket_in(folder: Path) -> Path:
    """Where it tells its status."""
    return folder / "status.sock"


def write_workers_file(folder: Path, more: str = "", *, hot_readers: int = 0) -> Path:
    """Write it into a folder, with other sections in it; every worker serves with 0 hot readers."""
    written = folder / "headwater.toml"
    written.write_text(
        _FILE.format(
            rtp_port=own_port(0),
            hot_readers=hot_readers,
            status_socket=status_socket_in(folder),
            more=more,
        )
    )
    return written
