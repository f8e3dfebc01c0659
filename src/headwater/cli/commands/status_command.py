"""`headwater status`: what the running server is doing, and whether it is well."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.commands.asked_server import PortOption, SocketOption, asked_socket
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.control.errors import NotReachableError
from headwater.control.server_state import ServerState
from headwater.control.status_client import ask

if TYPE_CHECKING:
    from rich.console import Console

EXIT_NOT_SERVING = 3
_INTERVAL_S = 1.0
_PLAIN_WIDTH = 160
_HEALTH_TIMEOUT_S = 5.0

Document = dict[str, Any]


def status(
    *,
    socket: SocketOption = None,
    port: PortOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one line of JSON.")
    ] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", "-w", help="Show the status with rates once a second, until Ctrl-C."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether the server serves (for health checks)."),
    ] = False,
) -> None:
    """Show mounts, publishers, readers and rates of the running server.

    Exit code 0 when it runs, 3 when it drains (or starts), 1 when it cannot be reached.
    """
    if check and watch:
        raise CommandFailed(
            "--check looks once, it goes without --watch", exit_code=EXIT_CONFIGURATION
        )
    try:
        path = asked_socket(socket, port)
        if check:
            document = ask(path, "health", timeout_s=_HEALTH_TIMEOUT_S)
            typer.echo(json.dumps(document) if as_json else _health_line(document))
        elif watch:
            document = _watch(path, as_json=as_json)
        else:
            document = ask(path, "status")
            _show_once(document, as_json=as_json)
    except NotReachableError as failure:
        raise CommandFailed(str(failure), remedy=failure.remedy) from failure
    if document["state"] != ServerState.RUNNING:
        raise typer.Exit(EXIT_NOT_SERVING)


# What draws tables is imported where one is drawn: health checks, every few seconds, go without.


def _health_line(document: Document) -> str:
    from headwater.cli.commands.status_view import health_line

    return health_line(document)


def _show_once(document: Document, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document))
        return
    from headwater.cli.commands.status_view import status_view

    _console().print(status_view(document))


def _watch(path: Path, *, as_json: bool) -> Document:
    """Show the status once a second until Ctrl-C; the last one is returned."""
    from rich.live import Live

    from headwater.cli.commands.status_view import status_view

    document = ask(path, "status")
    before: Document | None = None
    console = _console()
    in_place = console.is_terminal and not as_json
    try:
        with Live(console=console, auto_refresh=False, screen=in_place) as live:
            while True:
                if in_place:
                    live.update(status_view(document, before), refresh=True)
                elif as_json:
                    typer.echo(json.dumps(document))
                else:
                    console.print(status_view(document, before))
                sys.stdout.flush()
                time.sleep(_INTERVAL_S)
                before, document = document, ask(path, "status")
    except KeyboardInterrupt:
        return document


def _console() -> "Console":
    """Return a console for the table; where it goes into a file or a pipe, wide enough for it."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)
