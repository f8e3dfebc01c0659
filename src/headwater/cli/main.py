"""The `headwater` command: its sub-commands, and the one place where failures become exit codes."""

import sys

import typer

from headwater.cli import (
    config_commands,
    demo_command,
    password_command,
    publish_command,
    serve_command,
    status_command,
    version_command,
)
from headwater.cli.failures import CommandFailed, show

app = typer.Typer(
    name="headwater",
    help="An RTSP/RTP streaming media server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(version_command.options)
app.command("serve")(serve_command.serve)
app.command("status")(status_command.status)
app.command("demo")(demo_command.demo)
app.command("publish")(publish_command.publish)
app.command("config")(config_commands.config)
app.command("check-config")(config_commands.check_config)
app.command("hash-password")(password_command.hash_password)
app.command("version")(version_command.version)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 asked for wrongly."""
    try:
        app()
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)
