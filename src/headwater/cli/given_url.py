"""A URL on the command line, which may stand in a file."""

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed, reason_of
from headwater.libav.remux.urls import given


def given_url(text: str) -> str:
    """Return what an argument means: itself, or the first line of the file that `@FILE` names.

    Raises CommandFailed where that file cannot be read, or has nothing in it.
    """
    try:
        return given(text)
    except OSError as error:
        message = f"{text[1:]}: {reason_of(error)}"
        raise CommandFailed(message, exit_code=EXIT_CONFIGURATION) from error
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error
