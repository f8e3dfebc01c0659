"""`headwater top`: all streams of a running server in a terminal, as they change."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.commands.asked_server import PortOption, SocketOption, asked_socket
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.top.seen import Order, SeenBoard
from headwater.control.errors import NotReachableError

if TYPE_CHECKING:
    from rich.console import Console

_INTERVAL_S = 2.0
_PLAIN_WIDTH = 120


def top(
    *,
    socket: SocketOption = None,
    port: PortOption = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="Ask a server anywhere by its port for browsers: http://server:8080."
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="HEADWATER_TOKEN", help="Token for --url, of api.tokens."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Show it once and end; rates are averages then.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print each board as one line of JSON, until Ctrl-C."),
    ] = False,
    order: Annotated[
        Order, typer.Option("--sort", help="The order of the paths.", case_sensitive=False)
    ] = Order.NAME,
) -> None:
    """Show all streams of the running server as they change: rates, readers, losses, warnings.

    Keys: q ends, s changes the order, j and k scroll. Without a terminal it shows them once.
    """
    if url is not None and (socket is not None or port is not None):
        raise CommandFailed(
            "--url asks by HTTP, it goes without --socket and --port", exit_code=EXIT_CONFIGURATION
        )
    try:
        _run(_boards(url, token, socket, port), order, once=once, as_json=as_json)
    except NotReachableError as failure:
        raise CommandFailed(str(failure), remedy=failure.remedy) from failure
    except KeyboardInterrupt:
        pass


def _boards(
    url: str | None, token: str | None, socket: str | None, port: int | None
) -> Iterator[SeenBoard]:
    if url is not None:
        from headwater.cli.top.by_api import boards_by_api

        return boards_by_api(url, token)
    from headwater.cli.top.by_socket import boards_by_socket

    return boards_by_socket(asked_socket(socket, port), _INTERVAL_S)


def _run(boards: Iterator[SeenBoard], order: Order, *, once: bool, as_json: bool) -> None:
    if as_json:
        for seen in boards:
            typer.echo(json.dumps(seen.as_json()))
            sys.stdout.flush()
            if once:
                return
        return
    console = _console()
    if once or not (console.is_terminal and sys.stdin.isatty()):
        from headwater.cli.top.view import top_view

        console.print(top_view(next(boards), order, width=console.width))
        return
    from headwater.cli.top.keys import keys_taken
    from headwater.cli.top.screen import show

    with keys_taken() as read_key:
        show(boards, console, read_key, order)


def _console() -> "Console":
    """Return a console; where it goes into a file or a pipe, of one width everywhere."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)
