"""`headwater reload`: have the running server read its configuration again."""

import json
from typing import Annotated, Any

import typer

from headwater.applies import When
from headwater.cli.commands.asked_server import PortOption, SocketOption, asked_socket
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.config.applied import Applied, SettingsChange
from headwater.control.errors import NotReachableError, RefusedError
from headwater.control.status_client import ask

_TIMEOUT_S = 65.0


def reload(
    *,
    socket: SocketOption = None,
    port: PortOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the outcome as one line of JSON.")
    ] = False,
) -> None:
    """Have the running server read its configuration file again and apply what has changed.

    Exit code 0 when it is applied, 2 when it is refused (nothing has changed then), 1 when the
    server cannot be reached. Only the server's user and root may do this.
    """
    try:
        path = asked_socket(socket, port)
        document = ask(path, "reload", timeout_s=_TIMEOUT_S)
    except NotReachableError as failure:
        raise CommandFailed(str(failure), remedy=failure.remedy) from failure
    except RefusedError as refusal:
        raise CommandFailed(
            str(refusal),
            remedy="nothing has changed: the server goes on with the settings that it had",
            exit_code=EXIT_CONFIGURATION,
        ) from refusal
    typer.echo(json.dumps(document) if as_json else "\n".join(_applied(document).lines()))


def _applied(document: dict[str, Any]) -> Applied:
    """Return the outcome that a server told."""
    return Applied(
        changes=_changes(document["changes"]),
        needs_restart=_changes(document["needs_restart"]),
        changed_mounts=tuple(document["changed_mounts"]),
        untouched_mounts=document["untouched_mounts"],
    )


def _changes(told: list[dict[str, Any]]) -> tuple[SettingsChange, ...]:
    return tuple(SettingsChange(**{**each, "applies": When(each["applies"])}) for each in told)
