"""`headwater relay`: a server that fetches cameras, in one line."""

import os
import re
from dataclasses import replace
from typing import Annotated, Any

import typer

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.given_url import given_url
from headwater.cli.process.handover import replace_process
from headwater.cli.relay.order import RelayOrder
from headwater.cli.settings_read import read_settings
from headwater.client.settings import ClientTransport
from headwater.config.file import Assignment
from headwater.config.path_section import PathSection
from headwater.config.settings import LogLevel

SOURCES_VARIABLE = "HEADWATER_RELAY_SOURCES"
_NAMED = re.compile(r"([A-Za-z0-9._/-]+)=(?=@|[A-Za-z][A-Za-z0-9+.-]*:)")


def relay(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]SOURCE...",
            envvar=SOURCES_VARIABLE,
            help="What to fetch: rtsp://[USER:PASSWORD@]HOST/PATH, a film (file:PATH), or what "
            "else a path can have as its source. @FILE reads it from a file, ${NAME} in it stands "
            "for a variable. NAME is the path that players open.",
            show_default=False,
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on.", show_default="all addresses")
    ] = "",
    port: Annotated[int, typer.Option(help="RTSP port. 0 picks a free port.")] = 8554,
    transport: Annotated[
        ClientTransport,
        typer.Option(case_sensitive=False, help="How the media of cameras comes."),
    ] = ClientTransport.AUTO,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="Fetch only while somebody plays.")
    ] = False,
    forward_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Send it on to this RTSP server too; {path} in the URL stands for the path. May "
            "be given several times.",
        ),
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option(help="The lowest level that is logged.", case_sensitive=False)
    ] = LogLevel.WARNING,
) -> None:
    """Fetch cameras once each, and let any number of players watch them, until Ctrl-C.

    It prints the URLs to play. A camera that cannot be reached, or goes away, is tried again for
    as long as the command runs; players stay connected for some seconds. Exit code 0: it was
    stopped. Exit code 1: it could not listen. Exit code 2: it was asked for wrongly.
    """
    os.environ.pop(SOURCES_VARIABLE, None)
    settings = read_settings(
        None,
        [
            Assignment("--host", "server.host", host),
            Assignment("--port", "server.publish_port", str(port)),
            Assignment("--log-level", "log.level", log_level),
        ],
        environment={},
    )
    options = {
        "transport": transport,
        "on_demand": on_demand,
        "forward_to": tuple(map(given_url, forward_to or ())),
    }
    named = _named(sources)
    try:
        sections = {path: _section(source, options) for path, source in named.items()}
        settings = replace(settings, paths=sections)
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error
    order = RelayOrder(settings=settings, mounts=tuple(f"/{path}" for path in named))
    replace_process(order, "headwater.cli.relay")
    # The process that replaces this one imports the server; here it would take half a second.
    from headwater.cli.relay.relaying import relay_until_signalled

    relay_until_signalled(order)


def _named(sources: list[str]) -> dict[str, str]:
    """Return the sources by the path that each fills: `camera`, or `camera1`, `camera2` …"""
    named: dict[str, str] = {}
    for number, text in enumerate(sources, start=1):
        name = _NAMED.match(text)
        own = "camera" if len(sources) == 1 else f"camera{number}"
        path = own if name is None else name[1].strip("/")
        if path in named:
            raise CommandFailed(f"two sources have the name {path}", exit_code=EXIT_CONFIGURATION)
        named[path] = given_url(text if name is None else text[name.end() :])
    return named


def _section(source: str, options: dict[str, Any]) -> PathSection:
    return PathSection(source=source, **options)
