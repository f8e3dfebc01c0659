"""Failures said to a person: what went wrong and what to do about it, never a traceback."""

import errno
import os
import shlex
import sys
from pathlib import Path
from typing import TextIO

from headwater.cli.terminal import takes_colours
from headwater.config.errors import ConfigError, FaultKind
from headwater.net.errors import HostUnknownError, SettingPortError
from headwater.shown_text import shown

EXIT_FAILED = 1
"""Something else, which may be better at another try: a port in use, a server that is gone."""
EXIT_CONFIGURATION = 2
"""The arguments or the configuration are wrong: trying again does not help."""
_LINE_CHARACTERS = 2000
_REMEDIES = {
    FaultKind.FORM: "`headwater config` prints a whole file as an example of the form",
    FaultKind.NAME: "`headwater config` prints every key with its meaning and default",
}
"""What helps with a configuration, where its faults do not say it themselves."""


class CommandFailed(Exception):  # noqa: N818 (named for what happened)
    """A command cannot go on; `remedy` is what to do about it, `exit_code` is for the shell."""

    def __init__(self, message: str, *, remedy: str = "", exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.exit_code = exit_code


def install_hint(extra: str) -> str:
    """Return the command that installs an extra of the package into this environment."""
    pip = f"{shlex.quote(sys.executable)} -m pip"
    return f"in the folder of Headwater's source: {pip} install '.[{extra}]'"


def media_extra_missing(error: ImportError) -> CommandFailed:
    """Return the failure of a command that needs PyAV where PyAV is not installed."""
    return CommandFailed(
        f"this command needs {error.name or 'PyAV'}, which is not installed",
        remedy=install_hint("media"),
    )


def onvif_extra_missing(error: ImportError) -> CommandFailed:
    """Return the failure of a command that talks to ONVIF devices where its packages are not."""
    return CommandFailed(
        f"this command needs {error.name or 'httpx'}, which is not installed",
        remedy=install_hint("onvif"),
    )


def file_unreadable(path: Path, error: OSError) -> CommandFailed:
    """Return the failure of a command whose file cannot be read."""
    return CommandFailed(f"{path}: {reason_of(error)}", exit_code=EXIT_CONFIGURATION)


def config_unreadable(path: Path, error: OSError) -> CommandFailed:
    """Return the failure of a command whose configuration file cannot be read."""
    failure = file_unreadable(path, error)
    if error.errno == errno.ENOENT:
        failure.remedy = "`headwater config > FILE` writes one that has every key with its default"
    return failure


def config_refused(error: ConfigError) -> CommandFailed:
    """Return the failure of a command whose configuration is wrong: every fault on its own line."""
    kinds = {fault.kind for fault in error.faults}
    remedy = next((words for kind, words in _REMEDIES.items() if kind in kinds), "")
    return CommandFailed(str(error), remedy=remedy, exit_code=EXIT_CONFIGURATION)


def cannot_listen(
    error: OSError, *, host: str, ports: tuple[int, ...], port_options: str
) -> CommandFailed:
    """Return the failure of a server whose sockets could not be bound."""
    where = ", ".join(str(port) for port in ports)
    plural = "ports" if len(ports) > 1 else "port"
    if isinstance(error, HostUnknownError):
        return CommandFailed(error.strerror or str(error))
    if isinstance(error, SettingPortError) and error.errno == errno.EADDRINUSE:
        return CommandFailed(
            error.strerror or str(error),
            remedy=f"give {error.setting} another port, 0 for any that is free, or see who has it: "
            f"ss -lntup 'sport = :{error.port}'",
        )
    match error.errno:
        case errno.EADDRINUSE:
            return CommandFailed(
                f"{plural} {where} in use: {reason_of(error)}",
                remedy=f"choose another with {port_options}, or see who has it: "
                f"ss -ltnp 'sport = :{ports[0]}'",
            )
        case errno.EACCES | errno.EPERM:
            return CommandFailed(
                f"not allowed to listen on {plural} {where}: {reason_of(error)}",
                remedy="ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one",
            )
        case errno.EADDRNOTAVAIL:
            return CommandFailed(
                f"this machine has no address {host}: {reason_of(error)}",
                remedy="give --host one of its addresses, or leave it out to listen on all",
            )
        case _:
            return CommandFailed(f"cannot listen on {host or '*'} {plural} {where}: {error}")


def reason_of(error: OSError) -> str:
    """Return the system's own word for an error, without its number and Python's decoration."""
    return os.strerror(error.errno) if error.errno else str(error)


def show(failure: CommandFailed, stream: TextIO) -> None:
    """Write a failure, its remedy below it."""
    strong, faint, plain = (
        ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") if takes_colours(stream) else ("",) * 3
    )
    stream.write(f"{strong}headwater: {plain}{_fit(str(failure))}\n")
    if failure.remedy:
        stream.write(f"{faint}{_fit(failure.remedy)}{plain}\n")


def _fit(text: str) -> str:
    """Return the text with its lines; what it quotes of another server's answer cannot do harm."""
    return "\n".join(shown(line, _LINE_CHARACTERS) for line in text.split("\n"))
