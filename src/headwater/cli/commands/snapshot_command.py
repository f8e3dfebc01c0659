"""`headwater snapshot`: one picture of a source, as a file."""

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from headwater.app.url_frames import frames
from headwater.cli.failures import (
    EXIT_CONFIGURATION,
    CommandFailed,
    media_extra_missing,
    reason_of,
)
from headwater.cli.given_url import given_url
from headwater.cli.trust_options import CaFile, Fingerprint
from headwater.client.errors import CredentialsError
from headwater.client.settings import ClientSettings, ClientTransport

EXIT_CREDENTIALS = 3
_STDOUT = "-"
_PICTURE_TIMEOUT_S = 10.0


class PictureFormat(StrEnum):
    """What the file is."""

    JPEG = "jpeg"
    PNG = "png"


_FORMATS = {".jpg": PictureFormat.JPEG, ".jpeg": PictureFormat.JPEG, ".png": PictureFormat.PNG}


def snapshot(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="The source: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, or rtsps://. @FILE reads "
            "it from a file.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help="The file to write: its name ends with .jpg, .jpeg or .png. -: standard output.",
            show_default=False,
        ),
    ],
    picture_format: Annotated[
        PictureFormat | None,
        typer.Option(
            "--format",
            case_sensitive=False,
            help="What the file is.",
            show_default="as its name says; jpeg for standard output",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="PIXELS",
            help="How wide the picture is to be; its height follows.",
            show_default="as it comes",
        ),
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of a JPEG.")] = 85,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for the picture, in all."),
    ] = _PICTURE_TIMEOUT_S,
    transport: Annotated[
        ClientTransport,
        typer.Option(
            case_sensitive=False,
            help="How the media comes. auto: UDP, or TCP where UDP does not work.",
        ),
    ] = ClientTransport.AUTO,
    ca_file: CaFile = "",
    fingerprint: Fingerprint = "",
) -> None:
    """Write a picture of a source to a file: its first whole one.

    A file that is there is replaced once the new picture is whole.

    Exit code 0: the picture is written. Exit code 1: there is none: the source cannot be reached,
    refuses, sends no picture in time or none that can be decoded, or the file cannot be written.
    Exit code 2: it was asked for wrongly. Exit code 3: the source wants a user name and a
    password, or wants others.
    """
    form = picture_format or _format_of(output)
    try:
        settings = ClientSettings(transport=transport, ca_file=ca_file, fingerprint=fingerprint)
        picture = asyncio.run(_picture(given_url(url), settings, timeout, width, form, quality))
    except ImportError as error:
        raise media_extra_missing(error) from error
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error
    _write(output, picture)


async def _picture(
    url: str,
    settings: ClientSettings,
    timeout_s: float,
    width: int | None,
    form: PictureFormat,
    quality: int,
) -> bytes:
    """Return the first picture of a source as a file.

    Raises CommandFailed, and ImportError and ValueError as `frames` does.
    """
    from headwater.libav.decoding.errors import FramesError, FrameTimeout

    size = None if width is None else (width, None)
    async with frames(
        url, settings=settings, reconnect=False, timeout_s=timeout_s, size=size
    ) as source:
        try:
            frame = await anext(source)
        except FrameTimeout as error:
            message = f"the source sent no picture within {timeout_s:g} s"
            raise CommandFailed(message, remedy="wait longer with --timeout") from error
        except FramesError as error:
            if isinstance(error.__cause__, CredentialsError):
                raise CommandFailed(
                    str(error),
                    remedy="write them into the URL: rtsp://USER:PASSWORD@HOST/PATH",
                    exit_code=EXIT_CREDENTIALS,
                ) from error
            raise CommandFailed(str(error)) from error
        return frame.still(form, quality)


def _format_of(output: str) -> PictureFormat:
    if output == _STDOUT:
        return PictureFormat.JPEG
    form = _FORMATS.get(Path(output).suffix.lower())
    if form is None:
        raise CommandFailed(
            f"{output} ends with none of {', '.join(_FORMATS)}",
            remedy="say what it is to be with --format",
            exit_code=EXIT_CONFIGURATION,
        )
    return form


def _write(output: str, picture: bytes) -> None:
    if output == _STDOUT:
        sys.stdout.buffer.write(picture)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    # Whoever reads the file meanwhile gets the picture before, and never a half of this one.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(picture)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CommandFailed(f"{path}: {reason_of(error)}") from error
