"""Runs `headwater` in the process of a test: in a tenth of the time, and seen by a coverage run."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest import mock

from headwater.cli import main


def command_here(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> CompletedProcess[str]:
    """Run a command line without a terminal; what it does to the environment is undone."""
    done = output_here(*arguments, environment=environment)
    return CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())


def output_here(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> CompletedProcess[bytes]:
    """The same for a command that writes other things than text."""
    out, err = io.BytesIO(), io.BytesIO()
    with (
        redirect_stdout(io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)),
        redirect_stderr(io.TextIOWrapper(err, encoding="utf-8", newline="", write_through=True)),
        mock.patch.object(sys, "argv", ["headwater", *arguments]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        mock.patch.dict(os.environ, environment or {}),
    ):
        try:
            main.main()
        except SystemExit as ended:
            code = ended.code
        content, said = out.getvalue(), err.getvalue()
    assert isinstance(code, int)
    return CompletedProcess(arguments, code, content, said)
