"""`headwater serve`: the server until a signal ends it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.process.event_loop import LoopChoice
from headwater.cli.process.handover import replace_process
from headwater.cli.process.serving import ServeOrder
from headwater.cli.process.settings_source import SettingsSource
from headwater.cli.process.supervising import serve_with_workers
from headwater.cli.settings_read import read_settings
from headwater.config.advice import advice
from headwater.config.file import Assignment
from headwater.config.settings import LogFormat, LogLevel, Settings

CONFIG_VARIABLE = "HEADWATER_CONFIG"


def serve(
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar=CONFIG_VARIABLE,
            help="Configuration file (TOML). `headwater config` prints one with every key.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address or host name to listen on. Without it: all addresses."),
    ] = None,
    publish_port: Annotated[
        int | None,
        typer.Option(
            "--publish-port",
            "--port",
            help="TCP port for publishers. 0 picks a free port.",
            show_default="8554",
        ),
    ] = None,
    play_port: Annotated[
        int | None,
        typer.Option(help="TCP port for readers.", show_default="the publish port"),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(
            help='TCP port for browsers, such as 8080. It needs the extra "web".',
            show_default="no such port",
        ),
    ] = None,
    rtp_port_start: Annotated[
        int | None, typer.Option(help="First UDP port for media.", show_default="10000")
    ] = None,
    rtp_port_count: Annotated[
        int | None, typer.Option(help="How many UDP ports for media.", show_default="10000")
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="How many processes serve together. auto: one for each core.",
            show_default="1",
        ),
    ] = None,
    log_level: Annotated[
        LogLevel | None,
        typer.Option(
            help="The lowest level that is logged.", show_default="info", case_sensitive=False
        ),
    ] = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            help="Form of log lines: text for people, or JSON.",
            show_default="text",
            case_sensitive=False,
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Set any key of the file. You can use this option several times.",
        ),
    ] = None,
    loop: Annotated[
        LoopChoice, typer.Option(help="Event loop. auto: uvloop if it is installed, else asyncio.")
    ] = LoopChoice.AUTO,
) -> None:
    """Run the server until Ctrl-C or SIGTERM. A second Ctrl-C ends it at once."""
    options = {
        ("--host", "server.host"): host,
        ("--publish-port", "server.publish_port"): publish_port,
        ("--play-port", "server.play_port"): play_port,
        ("--http-port", "http.port"): http_port,
        ("--rtp-port-start", "rtp.rtp_port_start"): rtp_port_start,
        ("--rtp-port-count", "rtp.rtp_port_count"): rtp_port_count,
        ("--workers", "workers.count"): "0" if workers == "auto" else workers,
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
    order = ServeOrder(
        settings=settings,
        loop=loop,
        advice=tuple(advice(settings, os.environ)),
        source=SettingsSource(
            file="" if config is None else str(config.absolute()),
            chosen=tuple((each.source, each.key, each.text) for each in chosen),
        ),
    )
    replace_process(order, "headwater.cli.process.daemon", *ports_in_sight(settings))
    serve_with_workers(order)


def ports_in_sight(settings: Settings) -> list[str]:
    """Return what lists of processes show of a server, so that one is told from another."""
    server = settings.server
    ports = [f"publish-port={server.publish_port}"]
    if server.play_port not in (None, server.publish_port):
        ports.append(f"play-port={server.play_port}")
    if settings.http.port is not None:
        ports.append(f"http-port={settings.http.port}")
    return ports


def parse_assignment(text: str) -> Assignment:
    """Return one `--set section.key=value`; raises CommandFailed when it has no equals sign."""
    key, equals, value = text.partition("=")
    if not equals:
        raise CommandFailed(
            f"--set {text}: needs the form section.key=value",
            remedy="for example --set server.publish_port=5554",
            exit_code=EXIT_CONFIGURATION,
        )
    return Assignment(f"--set {key.strip()}", key.strip(), value.strip())
