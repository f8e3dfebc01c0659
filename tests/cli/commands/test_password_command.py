"""`headwater hash-password`."""

import pytest
from typer.testing import CliRunner

from headwater.access.password import PasswordForm, read_password
from headwater.cli.commands.password_command import HashedForm
from headwater.cli.failures import CommandFailed
from headwater.cli.main import command_line

RUN = CliRunner()


@pytest.mark.parametrize("form", ["scrypt", "pbkdf2-sha256"])
def test_a_hash_verifies_the_password(form: str) -> None:
    result = RUN.invoke(command_line(), ["hash-password", "--form", form], input="open sesame\n")
    assert result.exit_code == 0
    stored = read_password(result.stdout.strip())
    assert stored.form == form
    assert stored.verify("open sesame", username="ann", realm="headwater")
    assert not stored.verify("open", username="ann", realm="headwater")


def test_an_ha1_is_bound_to_user_and_realm() -> None:
    arguments = ["hash-password", "--form", "ha1-md5", "--user", "ann", "--realm", "here"]
    stored = read_password(RUN.invoke(command_line(), arguments, input="x\n").stdout.strip())
    assert stored.verify("x", username="ann", realm="here")
    assert not stored.verify("x", username="bob", realm="here")


@pytest.mark.parametrize(
    ("arguments", "password"),
    [(["--form", "ha1-md5"], "x\n"), ([], "\n")],
)
def test_what_cannot_be_hashed_is_refused(arguments: list[str], password: str) -> None:
    failure = RUN.invoke(command_line(), ["hash-password", *arguments], input=password).exception
    assert isinstance(failure, CommandFailed)
    assert failure.exit_code == 2


def test_the_forms_are_those_that_are_hashes() -> None:
    assert {form.value for form in HashedForm} == set(PasswordForm) - {PasswordForm.PLAIN}
    assert RUN.invoke(command_line(), ["hash-password", "--form", "plain"]).exit_code == 2
