"""The configuration file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fuzz.target import Target, text_of
from fuzz.targets.config_cache import keep_schemas
from headwater.config.errors import ConfigError
from headwater.config.file import load_settings
from headwater.config.key_lines import key_lines
from headwater.config.schema import settings_schema
from headwater.config.settings import Settings

keep_schemas()
# One file in memory where the system has such a place; it is overwritten by every input.
_MEMORY = Path("/dev/shm")
_FOLDER = tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
_FILE = Path(_FOLDER.name) / f"{os.getpid()}.toml"


def run(data: bytes) -> None:
    _FILE.write_bytes(data)
    try:
        settings = load_settings(_FILE)
    except ConfigError as error:
        assert error.faults
        for fault in error.faults:
            assert str(fault)
            str(fault).encode("utf-8", "replace")
    else:
        assert isinstance(settings, Settings)
    lines = key_lines(text_of(data))
    assert all(number >= 1 for number in lines.values())


def _words() -> tuple[bytes, ...]:
    schema = settings_schema()
    names = [f"[{section.name}]\n" for top in schema.sections for section in top.walk()]
    names += [f"{key.name} = " for top in schema.sections for key in top.keys]
    return tuple(
        name.encode()
        for name in (
            *names,
            "[[mount_overrides]]\n",
            '[paths."a/*"]\n',
            "[[access.users]]\n",
            'pattern = "/a/*"\n',
            'name = "a"\n',
            '"udp"',
            "true",
            "-1",
            "1e400",
            "nan",
            "inf",
            "1979-05-27T07:32:00Z",
            '"""',
            "[1, 2]",
            "{}",
        )
    )


TARGET = Target(
    invariant="a file of any bytes is settings or a ConfigError that names its faults",
    run=run,
    words=_words(),
    max_bytes=400,
)
