"""The settings that a command works with: read once, refused alike."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from headwater.cli.failures import config_refused, config_unreadable
from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings
from headwater.config.settings import Settings


def read_settings(
    file: Path | None,
    chosen: Iterable[Assignment] = (),
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings of file, environment and options, that a server can start with.

    Raises CommandFailed, with the exit code for a wrong configuration, saying what is wrong.
    """
    try:
        return load_settings(file, environment=environment, assignments=chosen, to_start=True)
    except OSError as error:
        raise config_unreadable(file or Path(), error) from error
    except ConfigError as error:
        raise config_refused(error) from error
