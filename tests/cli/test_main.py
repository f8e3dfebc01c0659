"""The command line as a whole."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest
from typer.testing import CliRunner

from headwater.cli import main
from headwater.cli.commands import version_command
from headwater.cli.failures import CommandFailed

COMMANDS = [
    "serve",
    "status",
    "top",
    "reload",
    "cluster",
    "demo",
    "publish",
    "relay",
    "probe",
    "snapshot",
    "discover",
    "config",
    "check-config",
    "hash-password",
    "version",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main.command_line(), [command, "--help"])
    assert result.exit_code == 0
    assert f"{command}" in result.stdout


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("reload", "(nothing has changed then), 1 when the server cannot be reached."),
        ("serve", 'It needs the extra "web".'),
    ],
)
def test_a_wide_terminal_shows_whole_sentences(command: str, sentence: str) -> None:
    runner = CliRunner(env={"COLUMNS": "400"})
    assert sentence in runner.invoke(main.command_line(), [command, "--help"]).stdout


def test_help_lists_every_command() -> None:
    listed = CliRunner().invoke(main.command_line(), ["--help"]).stdout
    assert [command for command in COMMANDS if command not in listed] == []


def test_a_failure_becomes_an_exit_code_and_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise CommandFailed("no", remedy="try yes", exit_code=7)

    monkeypatch.setattr(sys, "argv", ["headwater", "version"])
    monkeypatch.setattr(version_command, "version", fail)
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


def test_no_arguments_show_the_help_which_is_no_failure() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("--help").stdout
    assert "check-config" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_of_commands_says_what_the_commands_own_help_says(name: str) -> None:
    command = main.COMMANDS[name]
    function = getattr(import_module(f"headwater.cli.commands.{command.module}"), command.function)
    own = (inspect.getdoc(function) or "").split()
    assert command.summary.split()[0] == own[0]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["status", "--check", "--port", "1"], ["version"]]
)
def test_what_serves_is_not_loaded_by_a_command_that_needs_none_of_it(arguments: list[str]) -> None:
    program = (
        "import sys, atexit\n"
        "from headwater.cli.main import main\n"
        f"sys.argv = ['headwater', *{arguments!r}]\n"
        "atexit.register(lambda: print('LOADED', *sys.modules))\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = done.stdout.partition("LOADED ")[2].split()
    assert "headwater.cli.main" in loaded
    rooms = [
        "server",
        "media",
        "transports",
        "protocol",
        "access",
        "hooks",
        "app",
        "config.settings",
    ]
    heavy = tuple(f"headwater.{room}." for room in rooms)
    assert [name for name in loaded if f"{name}.".startswith(heavy)] == []
    assert {"asyncio", "ssl", "structlog"}.isdisjoint(loaded)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headwater", *arguments], capture_output=True, text=True
    )
