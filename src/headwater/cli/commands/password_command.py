"""`headwater hash-password`: a password as the configuration file may hold it."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from headwater.access.password import PasswordForm
from headwater.access.password import hash_password as hashed
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed


class HashedForm(StrEnum):
    """The forms that are hashes; a plain password is written as it is."""

    SCRYPT = PasswordForm.SCRYPT.value
    PBKDF2_SHA256 = PasswordForm.PBKDF2_SHA256.value
    HA1_MD5 = PasswordForm.HA1_MD5.value
    HA1_SHA256 = PasswordForm.HA1_SHA256.value


def hash_password(
    form: Annotated[
        HashedForm,
        typer.Option(
            help="The form of the hash. scrypt and pbkdf2-sha256 are slow to guess; clients can "
            "log in by Basic only. ha1-md5 and ha1-sha256 are quick to guess; clients can log in "
            "by Basic or by the Digest of that name."
        ),
    ] = HashedForm.SCRYPT,
    user: Annotated[
        str, typer.Option(help="User name. The ha1 forms are valid for this name only.")
    ] = "",
    realm: Annotated[
        str,
        typer.Option(
            help="access.realm of the server. The ha1 forms are valid for this realm only."
        ),
    ] = "headwater",
) -> None:
    """Hash a password for `access.users`.

    The command asks for the password and does not show it, or reads it from standard input.
    """
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        typer.echo(hashed(password, form=PasswordForm(form.value), username=user, realm=realm))
    except ValueError as error:
        raise CommandFailed(
            str(error), remedy="`headwater hash-password --help`", exit_code=EXIT_CONFIGURATION
        ) from error
