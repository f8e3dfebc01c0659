"""`headwater config` and `headwater check-config`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.settings_read import read_settings
from headwater.config.advice import advice
from headwater.config.default_file import default_file


def config() -> None:
    """Print the default configuration file, with an explanation of every key."""
    typer.echo(default_file(), nl=False)


def check_config(
    file: Annotated[Path, typer.Argument(help="The TOML file to check.", show_default=False)],
) -> None:
    """Check a configuration file, together with the environment, without starting a server.

    The command refuses what `headwater serve` would refuse, in the same words (exit code 2). It
    warns of settings that are allowed but are probably a mistake. It does not check whether ports
    are free.
    """
    settings = read_settings(file)
    for warning in advice(settings, os.environ):
        typer.echo(f"headwater: warning: {warning}", err=True)
    typer.echo(f"{file}: good")
