"""The command line as a whole."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from headwater.cli import main
from headwater.cli.failures import CommandFailed

COMMANDS = [
    "serve",
    "status",
    "demo",
    "publish",
    "config",
    "check-config",
    "hash-password",
    "version",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main.app, [command, "--help"])
    assert result.exit_code == 0
    assert f"{command}" in result.stdout


def test_help_lists_every_command() -> None:
    listed = CliRunner().invoke(main.app, ["--help"]).stdout
    assert [command for command in COMMANDS if command not in listed] == []


def test_a_failure_becomes_an_exit_code_and_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise CommandFailed("no", remedy="try yes", exit_code=7)

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 7
    assert capsys.readouterr().err == "headwater: no\ntry yes\n"


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "no-such-command"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "No such command" in done.stderr
