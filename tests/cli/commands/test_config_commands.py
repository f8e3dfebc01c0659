"""`headwater config` and `headwater check-config`."""

from pathlib import Path

from typer.testing import CliRunner

from headwater.cli.failures import CommandFailed
from headwater.cli.main import command_line
from headwater.config.default_file import default_file

RUN = CliRunner()


def test_config_prints_the_default_file() -> None:
    result = RUN.invoke(command_line(), ["config"])
    assert result.exit_code == 0
    assert result.stdout == default_file()


def test_a_good_file_is_said_to_be_good(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_text(default_file(), encoding="utf-8")
    result = RUN.invoke(command_line(), ["check-config", str(path)])
    assert result.exit_code == 0
    assert result.stdout == f"{path}: good\n"


def test_a_bad_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[server]\nhots = ''\n[log]\nlevle = ''\n", encoding="utf-8")
    failure = RUN.invoke(command_line(), ["check-config", str(path)]).exception
    assert isinstance(failure, CommandFailed)
    assert failure.exit_code == 2
    assert str(failure).splitlines() == [
        f"{path}:2: server.hots: unknown key (did you mean host?)",
        f"{path}:4: log.levle: unknown key (did you mean level?)",
    ]


def test_the_environment_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.touch()
    environment = {"HEADWATER_SERVER__BACKLOG": "-1"}
    failure = RUN.invoke(command_line(), ["check-config", str(path)], env=environment).exception
    assert isinstance(failure, CommandFailed)
    assert str(failure).startswith("HEADWATER_SERVER__BACKLOG: server.backlog: backlog is -1")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    failure = RUN.invoke(command_line(), ["check-config", str(tmp_path / "no.toml")]).exception
    assert isinstance(failure, CommandFailed)
    assert "No such file or directory" in str(failure)
