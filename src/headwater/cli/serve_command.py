"""`headwater serve`: the server until a signal ends it."""

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from headwater import RtspServer
from headwater.cli.event_loop import LoopChoice, StopAsked, run_until_signalled
from headwater.cli.failures import (
    EXIT_USAGE,
    CommandFailed,
    cannot_listen,
    config_refused,
    file_unreadable,
)
from headwater.cli.logs import configure_logs
from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings
from headwater.config.settings import LogFormat, LogLevel, Settings
from headwater.control.errors import StatusSocketError
from headwater.control.settings import AUTO

logger = logging.getLogger(__name__)

CONFIG_VARIABLE = "HEADWATER_CONFIG"


def serve(
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar=CONFIG_VARIABLE,
            help="TOML file; `headwater config` prints one with every key.",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; all addresses when left out.")
    ] = None,
    publish_port: Annotated[
        int | None,
        typer.Option(help="TCP port for publishers; 0 picks a free one.", show_default="8554"),
    ] = None,
    play_port: Annotated[
        int | None,
        typer.Option(help="TCP port for readers.", show_default="the publish port"),
    ] = None,
    rtp_port_start: Annotated[
        int | None, typer.Option(help="First UDP port for media.", show_default="10000")
    ] = None,
    rtp_port_count: Annotated[
        int | None, typer.Option(help="How many UDP ports for media.", show_default="10000")
    ] = None,
    log_level: Annotated[
        LogLevel | None, typer.Option(help="Lowest level to log.", show_default="info")
    ] = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(help="Lines for people, or JSON.", show_default="text"),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Any key of the file; may be given many times.",
        ),
    ] = None,
    loop: Annotated[
        LoopChoice, typer.Option(help="Event loop; auto is uvloop where it is installed.")
    ] = LoopChoice.AUTO,
) -> None:
    """Run the server until Ctrl-C (or SIGTERM); a second Ctrl-C ends it at once."""
    if play_port is None:
        play_port = publish_port  # as `RtspServer` has it: one port, unless two are given
    options = {
        ("--host", "server.host"): host,
        ("--publish-port", "server.publish_port"): publish_port,
        ("--play-port", "server.play_port"): play_port,
        ("--rtp-port-start", "rtp.rtp_port_start"): rtp_port_start,
        ("--rtp-port-count", "rtp.rtp_port_count"): rtp_port_count,
        ("--log-level", "log.level"): log_level,
        ("--log-format", "log.format"): log_format,
    }
    chosen = [
        Assignment(option, key, str(value))
        for (option, key), value in options.items()
        if value is not None
    ]
    chosen += [parse_assignment(text) for text in assignments or ()]
    settings = read_settings(config, chosen)
    configure_logs(settings.log)
    run_until_signalled(lambda stop_asked: _serve(settings, stop_asked), loop)


def parse_assignment(text: str) -> Assignment:
    """One `--set section.key=value`; raises CommandFailed when it has no equals sign."""
    key, equals, value = text.partition("=")
    if not equals:
        raise CommandFailed(
            f"--set {text}: needs the form section.key=value",
            remedy="for example --set server.publish_port=5554",
            exit_code=EXIT_USAGE,
        )
    return Assignment(f"--set {key.strip()}", key.strip(), value.strip())


def read_settings(config: Path | None, chosen: list[Assignment]) -> Settings:
    """The settings of file, environment and options; raises CommandFailed saying what is wrong."""
    try:
        return load_settings(config, environment=os.environ, assignments=chosen)
    except OSError as error:
        raise file_unreadable(config or Path(), error) from error
    except ConfigError as error:
        raise config_refused(error) from error


async def start_server(
    server: RtspServer,
    settings: Settings,
    *,
    port_options: str = "--publish-port and --play-port",
) -> None:
    """Start the server; raises CommandFailed, naming the options to use, when it cannot listen."""
    ports = tuple(sorted({settings.server.publish_port, settings.server.play_port}))
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(
            error, host=settings.server.host, ports=ports, port_options=port_options
        ) from error


async def open_status_socket(server: RtspServer) -> None:
    """Let `headwater status` ask the server.

    Raises CommandFailed when the socket that the settings name cannot be opened; without the
    automatic one the server goes on, which is logged.
    """
    try:
        await server.open_status_socket()
    except StatusSocketError as error:
        if server.settings.control.status_socket != AUTO:
            raise CommandFailed(
                str(error), remedy="change control.status_socket; empty opens none"
            ) from error
        logger.warning("no status socket", extra={"cause": str(error)})


async def _serve(settings: Settings, stop_asked: StopAsked) -> None:
    server = RtspServer(settings=settings)
    await start_server(server, settings)
    try:
        await open_status_socket(server)
        typer.echo(f"publish to  {server.publish_url('/NAME')}")
        typer.echo(f"play from   {server.play_url('/NAME')}")
        await stop_asked.wait()
    finally:
        await server.stop()
