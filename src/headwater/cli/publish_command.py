"""`headwater publish`: send a file or a camera to any RTSP server, without encoding it again."""

import os
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated

import typer

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed, media_extra_missing, reason_of
from headwater.cli.handover import replace_process
from headwater.cli.publish.__main__ import publish_until_signalled
from headwater.cli.publish.order import PublishOrder
from headwater.cli.publish.urls import given

INPUT_VARIABLE = "HEADWATER_PUBLISH_INPUT"
URL_VARIABLE = "HEADWATER_PUBLISH_URL"


class PublishTransport(StrEnum):
    """How the media travels to the server."""

    TCP = "tcp"
    UDP = "udp"


def publish(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            envvar=INPUT_VARIABLE,
            help="A file, a device, or any URL libav opens; @FILE: the URL in that file.",
            show_default=False,
        ),
    ],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar=URL_VARIABLE,
            help="Where to: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, or @FILE.",
            show_default=False,
        ),
    ],
    transport: Annotated[
        PublishTransport, typer.Option(help="How the media travels.")
    ] = PublishTransport.TCP,
    loop: Annotated[
        bool, typer.Option("--loop", help="Begin again at the end of the input.")
    ] = False,
    give_up_after: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="How long to try again when the source or the server is gone; 0: for ever.",
        ),
    ] = 0.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress line.")] = False,
) -> None:
    """Publish INPUT to URL as it is (no encoding), in real time; Ctrl-C ends it.

    A camera or a server that goes away is tried again. Exit code 0: all was sent, or it was
    stopped; 1: it could not begin, the file could not be sent to its end, or it gave up.
    """
    if find_spec("av") is None:
        raise media_extra_missing(ImportError(name="av"))
    order = PublishOrder(
        source=_given(source),
        url=_rtsp(_given(url)),
        transport=transport.value,
        loop=loop,
        quiet=quiet,
        give_up_after_s=give_up_after,
    )
    for name in (INPUT_VARIABLE, URL_VARIABLE):
        os.environ.pop(name, None)
    replace_process(order, "headwater.cli.publish")
    publish_until_signalled(order)


def _given(text: str) -> str:
    try:
        return given(text)
    except OSError as error:
        message = f"{text[1:]}: {reason_of(error)}"
        raise CommandFailed(message, exit_code=EXIT_CONFIGURATION) from error
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error


def _rtsp(url: str) -> str:
    if not url.startswith(("rtsp://", "rtsps://")):
        raise CommandFailed(
            "the URL to publish to does not begin with rtsp:// or rtsps://",
            remedy="headwater publish INPUT rtsp://HOST:8554/NAME",
            exit_code=EXIT_CONFIGURATION,
        )
    return url
