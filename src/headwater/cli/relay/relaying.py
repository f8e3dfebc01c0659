"""A server that fetches its paths by itself, until a signal ends it."""

from __future__ import annotations

import socket
import sys

from headwater import Hooks, MountSnapshot, RtspServer
from headwater.cli.process.event_loop import LoopChoice, StopAsked, run_until_signalled
from headwater.cli.process.logs import configure_logs
from headwater.cli.process.serving import open_status_socket, start_server
from headwater.cli.relay.order import RelayOrder
from headwater.shown_text import shown

_SOMEWHERE = ("192.0.2.1", 9)
"""An address to which the system chooses its own; nothing is sent (RFC 5737)."""


def relay_until_signalled(order: RelayOrder) -> None:
    """Run the server until SIGINT or SIGTERM; raises CommandFailed when it cannot start."""
    configure_logs(order.settings.log)
    run_until_signalled(lambda stop_asked: _relay(order, stop_asked), LoopChoice.AUTO)


async def _relay(order: RelayOrder, stop_asked: StopAsked) -> None:
    hooks = Hooks()

    @hooks.publisher_started
    def tell(mount: MountSnapshot) -> None:
        if mount.path in order.mounts:
            tracks = ", ".join(track.encoding or track.kind for track in mount.tracks)
            _say(f"{shown(mount.path)} is live: {shown(tracks)}")

    @hooks.publisher_stopped
    def tell_of_the_end(mount: MountSnapshot) -> None:
        if mount.path in order.mounts and not stop_asked.is_set():
            _say(f"{shown(mount.path)} is gone; it is tried again")

    server = RtspServer(settings=order.settings, publish_hooks=hooks)
    await start_server(server, order.settings, port_options="--port")
    try:
        await open_status_socket(server)
        _say(instructions(server, order))
        await stop_asked.wait()
    finally:
        await server.stop()


def instructions(server: RtspServer, order: RelayOrder) -> str:
    """Return the URLs to paste into players, one a line."""
    urls = [server.play_url(mount) for mount in order.mounts]
    lines = ["play from", *(f"    {url}" for url in urls)]
    if not order.settings.server.host and (address := own_address()):
        lines += ["from other machines", *(f"    {_at(url, address)}" for url in urls)]
    lines += [f"for example  ffplay -rtsp_transport tcp {urls[0]}", "Ctrl-C ends it."]
    return "\n".join(lines)


def own_address() -> str:
    """Return the IPv4 address by which this machine goes out; "" where it has no way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(_SOMEWHERE)
        except OSError:
            return ""
        address: str = sock.getsockname()[0]
        return address


def _at(url: str, address: str) -> str:
    return url.replace("127.0.0.1", address, 1)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
