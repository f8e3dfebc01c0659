"""`headwater config` and `headwater check-config`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.failures import config_refused, file_unreadable
from headwater.config.default_file import default_file
from headwater.config.errors import ConfigError
from headwater.config.file import load_settings


def config() -> None:
    """Print the default configuration file, with every key documented."""
    typer.echo(default_file(), nl=False)


def check_config(
    file: Annotated[Path, typer.Argument(help="The TOML file to check.", show_default=False)],
) -> None:
    """Check a configuration file, with the environment's overrides, and start nothing."""
    try:
        load_settings(file, environment=os.environ)
    except OSError as error:
        raise file_unreadable(file, error) from error
    except ConfigError as error:
        raise config_refused(error) from error
    typer.echo(f"{file}: good")
