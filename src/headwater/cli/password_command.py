"""`headwater hash-password`: a password as the configuration file may hold it."""

import sys
from typing import Annotated

import typer

from headwater.access.password import PasswordForm
from headwater.access.password import hash_password as hashed
from headwater.cli.failures import EXIT_USAGE, CommandFailed


def hash_password(
    form: Annotated[
        PasswordForm,
        typer.Option(help="How it is kept. Only the ha1 forms let clients use Digest."),
    ] = PasswordForm.SCRYPT,
    user: Annotated[str, typer.Option(help="User name; the ha1 forms are bound to it.")] = "",
    realm: Annotated[
        str, typer.Option(help="access.realm of the server; the ha1 forms are bound to it.")
    ] = "headwater",
) -> None:
    """Hash a password for `access.users`; asked for without echo, or read from standard input."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        typer.echo(hashed(password, form=form, username=user, realm=realm))
    except ValueError as error:
        raise CommandFailed(
            str(error), remedy="`headwater hash-password --help`", exit_code=EXIT_USAGE
        ) from error
