"""`headwater version` and `headwater --version`."""

import platform
from typing import Annotated

import typer

from headwater.version import __version__


def version_line() -> str:
    """Headwater's version, and what it runs on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"headwater {__version__} ({python}, {platform.system()})"


def version() -> None:
    """Print the version."""
    typer.echo(version_line())


def _print_and_exit(asked: bool) -> None:
    if asked:
        typer.echo(version_line())
        raise typer.Exit


def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_print_and_exit,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """An RTSP/RTP streaming media server: publish with ANNOUNCE, play with DESCRIBE."""
