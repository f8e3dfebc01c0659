"""`headwater probe`: what a source is, by playing it for a while."""

import asyncio
import json
import os
import sys
from typing import Annotated

import typer

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.given_url import given_url
from headwater.cli.trust_options import CaFile, Fingerprint
from headwater.client.errors import ClientError, CredentialsError
from headwater.client.probe.probing import DURATION_S, ProbeProgress
from headwater.client.probe.probing import probe as probed
from headwater.client.probe.report import ProbeReport
from headwater.client.settings import ClientTransport
from headwater.control.json_text import plain

URL_VARIABLE = "HEADWATER_PROBE_URL"
EXIT_CREDENTIALS = 3
EXIT_WARNINGS = 4
_CLEAR = "\r\x1b[K"
_PLAIN_WIDTH = 160


def probe(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar=URL_VARIABLE,
            help="The source: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, or rtsps://. @FILE reads "
            "it from a file.",
            show_default=False,
        ),
    ],
    transport: Annotated[
        ClientTransport,
        typer.Option(
            case_sensitive=False,
            help="How the media comes. auto: UDP, or TCP where UDP does not work; the other one "
            "is tried afterwards.",
        ),
    ] = ClientTransport.AUTO,
    duration: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to measure.")
    ] = DURATION_S,
    ca_file: CaFile = "",
    fingerprint: Fingerprint = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one line of JSON.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 4 where there is something to warn of.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress line.")] = False,
) -> None:
    """Play a source for a while, and tell what it is and what may cause trouble.

    It tells the server, the transports that work, and of each track the codec, picture size and
    rate, bit rate, distance of key frames, loss, jitter and the drift of the source's clock, and
    how long the first picture took.

    Exit code 0: it plays. Exit code 1: it does not: it cannot be reached, refuses, or sends
    nothing. Exit code 2: it was asked for wrongly. Exit code 3: it wants a user name and a
    password, or wants others. Exit code 4, only with --strict: it plays, and there are warnings.
    """
    os.environ.pop(URL_VARIABLE, None)
    progress = _Progress(shown=sys.stderr.isatty() and not quiet)
    try:
        report = asyncio.run(
            probed(
                given_url(url),
                duration_s=duration,
                on_progress=progress.show,
                transport=transport,
                ca_file=ca_file,
                fingerprint=fingerprint,
            )
        )
    except CredentialsError as error:
        raise CommandFailed(
            str(error),
            remedy="write them into the URL: rtsp://USER:PASSWORD@HOST/PATH",
            exit_code=EXIT_CREDENTIALS,
        ) from error
    except ClientError as error:
        raise CommandFailed(str(error)) from error
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error
    finally:
        progress.clear()
    _print(report, as_json=as_json)
    if strict and report.warnings:
        raise typer.Exit(EXIT_WARNINGS)


def _print(report: ProbeReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plain(report)))
        return
    from rich.console import Console

    from headwater.cli.probe.report_view import report_view

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(report_view(report))


class _Progress:
    """One line on a terminal that changes."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def show(self, progress: ProbeProgress) -> None:
        """Show how far the probe is."""
        if not self._shown:
            return
        line = progress.step
        if progress.elapsed_s > 0:
            megabits = progress.size_bytes * 8 / progress.elapsed_s / 1e6
            line += f"  {progress.elapsed_s:.0f} s  {progress.packets} packets  "
            line += f"{megabits:.2f} Mb/s"
        sys.stderr.write(f"{_CLEAR}{line}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
