"""Which running server a command asks: the options that say it, and the socket they lead to."""

from pathlib import Path
from typing import Annotated

import typer

from headwater.control.settings import AUTO
from headwater.control.status_client import find_server

SOCKET_VARIABLE = "HEADWATER_CONTROL__STATUS_SOCKET"

SocketOption = Annotated[
    str | None,
    typer.Option(
        envvar=SOCKET_VARIABLE,
        help="The server's status socket, if control.status_socket names one.",
        show_default="found by itself",
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", "-p", help="Publish port of the server to ask, if several servers run."),
]


def asked_socket(socket: str | None, port: int | None) -> Path:
    """Return the status socket of the server that is meant. Raises NotReachableError."""
    return Path(socket) if socket and socket != AUTO else find_server(port)
