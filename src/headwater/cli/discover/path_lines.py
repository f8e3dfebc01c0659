"""Found streams as `[paths."…"]` sections of the configuration file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from headwater.config.toml_text import toml_value
from headwater.onvif.found_device import OnvifDevice, OnvifStream

PASSWORD_VARIABLE = "CAMERA_PASSWORD"  # noqa: S105 (the name of a variable)
"""Stands for the password in the lines, which may be shown to anybody."""
_NAME_CHARACTERS = 40
_OTHER = re.compile(r"[^a-z0-9]+")


def path_lines(devices: Sequence[OnvifDevice], user: str) -> Iterator[str]:
    """Yield the lines of one section for each stream, each with a name of its own."""
    if user and any(device.streams for device in devices):
        yield f"# {PASSWORD_VARIABLE} is a variable in the environment of the server."
    taken: set[str] = set()
    for device in devices:
        for stream in device.streams:
            name = _free(_path(device, stream), taken)
            taken.add(name)
            yield ""
            yield f"[paths.{toml_value(name)}]"
            yield f"source = {toml_value(_with_login(stream.url, user))}"


def _with_login(url: str, user: str) -> str:
    scheme, _, rest = url.partition("://")
    login = f"{quote(user, safe='')}:${{{PASSWORD_VARIABLE}}}@" if user else ""
    return f"{scheme}://{login}{rest}"


def _path(device: OnvifDevice, stream: OnvifStream) -> str:
    """Return `camera` for the only stream of a device, `camera/profile` for one of several."""
    of_device = next(filter(None, map(_slug, (device.name, device.model, device.host))), "camera")
    if len(device.streams) == 1:
        return of_device
    return f"{of_device}/{_slug(stream.name) or _slug(stream.profile) or 'stream'}"


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _slug(text: str) -> str:
    return _OTHER.sub("-", text.lower())[:_NAME_CHARACTERS].strip("-")
