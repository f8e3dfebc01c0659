"""`headwater config` and `headwater check-config`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.settings_read import read_settings
from headwater.config.advice import advice
from headwater.config.default_file import default_file


def config() -> None:
    """Print the default configuration file, with every key documented."""
    typer.echo(default_file(), nl=False)


def check_config(
    file: Annotated[Path, typer.Argument(help="The TOML file to check.", show_default=False)],
) -> None:
    """Check a configuration file, with the environment's overrides, and start nothing.

    What `headwater serve` would refuse is refused in the same words (exit code 2); what is allowed
    and likely meant otherwise is a warning. Whether ports are free is not looked at.
    """
    settings = read_settings(file)
    for warning in advice(settings, os.environ):
        typer.echo(f"headwater: warning: {warning}", err=True)
    typer.echo(f"{file}: good")
