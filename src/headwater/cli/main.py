"""The `headwater` command: its sub-commands, and the one place where failures become exit codes."""

import inspect
import os
import sys
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from importlib import import_module

import typer

from headwater.cli.commands import version_command
from headwater.cli.failures import CommandFailed, show
from headwater.cli.interrupts import interrupts_end_the_process

_COMPLETION = "_HEADWATER_COMPLETE"
"""The variable by which a shell asks for completions (typer's)."""


@dataclass(frozen=True, slots=True)
class _Command:
    """Where a command's function is, and its line in the list of commands."""

    module: str
    function: str
    summary: str


COMMANDS = {
    "serve": _Command(
        "serve_command",
        "serve",
        "Run the server until Ctrl-C or SIGTERM. A second Ctrl-C ends it at once.",
    ),
    "status": _Command(
        "status_command",
        "status",
        "Show mounts, publishers, readers and rates of the running server.",
    ),
    "top": _Command(
        "top_command",
        "top",
        "Show all streams of the running server as they change, with warnings, in a terminal.",
    ),
    "reload": _Command(
        "reload_command",
        "reload",
        "Have the running server read its configuration again and apply what has changed.",
    ),
    "cluster": _Command(
        "cluster_command",
        "cluster",
        "Show the nodes of a cluster and what they have, or have one drain.",
    ),
    "demo": _Command(
        "demo_command",
        "demo",
        "Run a server with a synthetic camera: a moving picture with a clock, and a tone.",
    ),
    "publish": _Command(
        "publish_command",
        "publish",
        "Publish a file or a camera's stream to an RTSP server, without encoding it again.",
    ),
    "relay": _Command(
        "relay_command",
        "relay",
        "Fetch cameras once each, and let any number of players watch them.",
    ),
    "probe": _Command(
        "probe_command",
        "probe",
        "Play a source for a while, and tell what it is and what may cause trouble.",
    ),
    "snapshot": _Command(
        "snapshot_command",
        "snapshot",
        "Write a picture of a source to a file: JPEG or PNG.",
    ),
    "discover": _Command(
        "discover_command",
        "discover",
        "Find the ONVIF cameras of the network, and print where to play them.",
    ),
    "config": _Command(
        "config_commands",
        "config",
        "Print the default configuration file, with every key explained.",
    ),
    "check-config": _Command(
        "config_commands", "check_config", "Check a configuration file, without starting a server."
    ),
    "hash-password": _Command(
        "password_command", "hash_password", "Hash a password for the configuration file."
    ),
    "version": _Command("version_command", "version", "Print the version."),
}


def command_line(loaded: Container[str] = COMMANDS) -> typer.Typer:
    """Return the command line with the options of these commands; the others have names only.

    A command's module is imported with what the command needs: up to half a second, which
    `headwater --help` and the other commands do without.
    """
    app = typer.Typer(
        name="headwater",
        help="An RTSP/RTP streaming media server.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(version_command.options)
    for name, command in COMMANDS.items():
        function = _not_loaded
        if name in loaded:
            function = getattr(
                import_module(f"headwater.cli.commands.{command.module}"), command.function
            )
        app.command(name, short_help=command.summary, help=_flowing(function))(function)
    return app


def _flowing(function: Callable[..., None]) -> str:
    """Return the docstring as paragraphs of one line each, for a terminal of any width."""
    paragraphs = inspect.getdoc(function) or ""
    return "\n\n".join(text.replace("\n", " ") for text in paragraphs.split("\n\n"))


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 asked for wrongly.

    Without arguments it shows its help, which is no failure.
    """
    arguments = sys.argv[1:] or ["--help"]
    try:
        with interrupts_end_the_process():
            app = command_line(_needed(arguments))
        app(args=arguments)
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


def _needed(arguments: Sequence[str]) -> Container[str]:
    """Return the commands that these arguments name: no option before a command takes a value."""
    if _COMPLETION in os.environ:
        return COMMANDS
    return [argument for argument in arguments if not argument.startswith("-")][:1]


def _not_loaded() -> None:
    """Stand for a command that was not asked for."""
    raise NotImplementedError
