"""Reads the configuration again for a server that runs, in a process of its own that ends at once.

Checking a file takes pydantic: half a second in which the server would send nothing, and some 20 MB
that it would keep. `python -m headwater.cli.process.reread` is run by `reloading.py` alone.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from headwater.cli.failures import reason_of
from headwater.cli.process.settings_source import Reading, SettingsSource
from headwater.config.advice import advice
from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings


def read(source: SettingsSource) -> Reading:
    """Return the settings of a source, or what is wrong with them."""
    file = Path(source.file)
    chosen = [Assignment(*each) for each in source.chosen]
    try:
        if file.is_file() and not file.read_bytes().strip():
            # Half of a save, or a full disk: without rights and on all addresses nobody wants it.
            return Reading(faults=(f"{file}: the file is empty; nothing is set back to defaults",))
        settings = load_settings(file, environment=os.environ, assignments=chosen, to_start=True)
    except OSError as error:
        return Reading(faults=(f"{source.file}: {reason_of(error)}",))
    except ConfigError as error:
        return Reading(faults=tuple(str(fault) for fault in error.faults))
    return Reading(settings=settings, advice=tuple(advice(settings, os.environ)))


if __name__ == "__main__":
    sys.stdout.buffer.write(
        pickle.dumps(read(pickle.load(sys.stdin.buffer)))  # noqa: S301 (sent by this program)
    )
