"""`headwater version` and `headwater --version`."""

from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from headwater.cli.main import command_line


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["-V"]])
def test_the_version_is_that_of_the_distribution(arguments: list[str]) -> None:
    result = CliRunner().invoke(command_line(), arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"headwater {version('headwater')} (CPython 3.")
