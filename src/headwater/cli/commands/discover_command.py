"""`headwater discover`: the ONVIF cameras of the network, and where to play them."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.failures import (
    EXIT_CONFIGURATION,
    CommandFailed,
    file_unreadable,
    onvif_extra_missing,
    reason_of,
)
from headwater.control.json_text import plain
from headwater.onvif.discover import WAIT_S
from headwater.onvif.discover import discover as found
from headwater.onvif.found_device import OnvifDevice, OnvifState

USER_VARIABLE = "HEADWATER_DISCOVER_USER"
PASSWORD_VARIABLE = "HEADWATER_DISCOVER_PASSWORD"  # noqa: S105 (the name of a variable)
_PLAIN_WIDTH = 160
_FILE_CHARACTERS = 1024
_NOT_ONVIF = frozenset({OnvifState.SILENT, OnvifState.UNREADABLE})
"""What a machine that was named, and is no camera, comes to."""


def discover(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[CAMERA]",
            help="Ask this one only, without multicast: a host, HOST:PORT of its web pages, or "
            "the http:// URL of its device service.",
            show_default=False,
        ),
    ] = "",
    interface: Annotated[
        list[str] | None,
        typer.Option(
            "--interface",
            "-i",
            metavar="NAME|ADDRESS",
            help="Ask by this network interface: its name (eth0) or its IPv4 address. May be "
            "given several times.",
            show_default="all",
        ),
    ] = None,
    wait_s: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to collect answers.")
    ] = WAIT_S,
    user: Annotated[
        str,
        typer.Option(
            "--user",
            "-u",
            envvar=USER_VARIABLE,
            help="A user of the cameras. Most tell their streams to nobody else.",
            show_default=False,
        ),
    ] = "",
    password: Annotated[
        str | None,
        typer.Option(
            envvar=PASSWORD_VARIABLE,
            help="The user's password. Other users of this machine can see options: the variable, "
            "--password-file or the question that comes without any of them are better.",
            show_default=False,
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file whose first line is the password.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one line of JSON.")
    ] = False,
) -> None:
    """Find the ONVIF cameras of the network, and print where to play them.

    The command asks all cameras of the network to answer (WS-Discovery), and each that answers
    for its streams. It prints a table, and then the sections of the configuration file that make
    each stream a path of the server.

    It never prints the password, and sends it to no camera: each gets a proof of it (Digest). A
    camera in another network does not hear the question: give its name or address.

    Exit code 0: it found a camera, even if that did not take the password. Exit code 1: it found
    none, or the one that was named does not speak ONVIF. Exit code 2: it was asked for wrongly.
    """
    for name in (USER_VARIABLE, PASSWORD_VARIABLE):
        os.environ.pop(name, None)
    secret = _password(user, password, password_file)
    try:
        devices = asyncio.run(
            found(target, interfaces=interface or (), user=user, password=secret, wait_s=wait_s)
        )
    except ImportError as error:
        raise onvif_extra_missing(error) from error
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error
    except OSError as error:
        raise _cannot_ask(target, interface or [], error) from error
    if as_json:
        typer.echo(json.dumps({"devices": plain(devices)}))
    elif devices and not (target and _NOT_ONVIF.issuperset(each.state for each in devices)):
        _show(devices, user)
    if not devices:
        raise _nothing_found(target)
    if target and all(each.state in _NOT_ONVIF for each in devices):
        raise _no_onvif_device(target, devices[0])


def _password(user: str, password: str | None, file: Path | None) -> str:
    """Return the password of the option, the variable, the file, or of who is asked for it."""
    if not user:
        if password is not None or file is not None:
            raise CommandFailed("a password needs --user", exit_code=EXIT_CONFIGURATION)
        return ""
    if file is not None:
        try:
            with file.open(encoding="utf-8") as lines:
                return lines.readline(_FILE_CHARACTERS).rstrip("\r\n")
        except OSError as error:
            raise file_unreadable(file, error) from error
        except UnicodeDecodeError as error:
            raise CommandFailed(f"{file}: not UTF-8 text", exit_code=EXIT_CONFIGURATION) from error
    if password is not None:
        return password
    if not sys.stdin.isatty():
        raise CommandFailed(
            f"there is no password for {user}, and no terminal to ask for it",
            remedy=f"give --password-file, or set {PASSWORD_VARIABLE}",
            exit_code=EXIT_CONFIGURATION,
        )
    asked: str = typer.prompt(f"Password of {user}", hide_input=True, err=True)
    return asked


def _show(devices: list[OnvifDevice], user: str) -> None:
    from rich.console import Console

    from headwater.cli.discover.device_table import device_table
    from headwater.cli.discover.path_lines import path_lines

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(device_table(devices))
    for line in path_lines(devices, user):
        typer.echo(line)
    if not user and any(each.state is OnvifState.PASSWORD_NEEDED for each in devices):
        typer.echo("Some cameras ask for a password: headwater discover --user NAME", err=True)


def _cannot_ask(target: str, interfaces: list[str], error: OSError) -> CommandFailed:
    if target:
        return CommandFailed(f"cannot ask {target}: {error.strerror or error}")
    names = ", ".join(interfaces)
    return CommandFailed(
        f"cannot ask by interface {names}: {reason_of(error)}",
        remedy="`ip -4 address` lists the interfaces and their addresses",
        exit_code=EXIT_CONFIGURATION,
    )


def _no_onvif_device(target: str, device: OnvifDevice) -> CommandFailed:
    return CommandFailed(
        f"{target} is there, but does not answer as an ONVIF device does: {device.problem}",
        remedy="is it a camera, and ONVIF switched on in its settings? Its port of ONVIF may be "
        "another: headwater discover HOST:8000",
    )


def _nothing_found(target: str) -> CommandFailed:
    if target:
        return CommandFailed(
            f"{target} does not answer to ONVIF",
            remedy="is ONVIF switched on in its settings? Its port may be another than 80: "
            f"headwater discover {target}:8000",
        )
    return CommandFailed(
        "no camera answered",
        remedy="ONVIF may be switched off in the camera, or a firewall may keep its answers (UDP) "
        "from this machine; a camera of another network must be named: headwater discover HOST",
    )
