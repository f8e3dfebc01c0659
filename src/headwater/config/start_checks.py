"""Checks before the start: settings that would keep a server from starting here.

Ports in use and addresses that this machine has not are no faults of the configuration: they may
change by themselves, so the server's start tells of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater.config.settings import Settings
from headwater.control.settings import AUTO
from headwater.control.socket_path import socket_refusal
from headwater.net.tls_context import ServerTls, TlsFilesError


def start_faults(settings: Settings) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each key that names what cannot be used, with the text of the server's refusal."""
    if settings.tls.enabled:
        try:
            ServerTls(settings.tls)
        except TlsFilesError as error:
            yield ("tls", error.setting), str(error)
    socket = settings.control.status_socket
    if socket not in {"", AUTO} and (refusal := socket_refusal(Path(socket))):
        yield ("control", "status_socket"), refusal
