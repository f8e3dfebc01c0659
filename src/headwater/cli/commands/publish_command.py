"""`headwater publish`: send a file or a camera to any RTSP server, without encoding it again."""

import os
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated

import typer

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed, media_extra_missing
from headwater.cli.given_url import given_url
from headwater.cli.process.handover import replace_process
from headwater.cli.publish.__main__ import publish_until_signalled
from headwater.cli.publish.order import PublishOrder

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
            help="A file, a device, or a URL that libav can open. @FILE reads the URL from a file.",
            show_default=False,
        ),
    ],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar=URL_VARIABLE,
            help="Where to publish: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, or @FILE.",
            show_default=False,
        ),
    ],
    transport: Annotated[
        PublishTransport, typer.Option(help="How the media travels to the server.")
    ] = PublishTransport.TCP,
    loop: Annotated[bool, typer.Option("--loop", help="Start again when the input ends.")] = False,
    give_up_after: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="How long to try again when the source or the server has gone away. 0: for ever.",
        ),
    ] = 0.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress line.")] = False,
) -> None:
    """Publish INPUT to URL in real time, without encoding it again, until Ctrl-C.

    When the camera or the server goes away, the command tries to connect again. Exit code 0: it
    sent everything, or was stopped. Exit code 1: it could not begin, could not send the whole
    file, or gave up.
    """
    if find_spec("av") is None:
        raise media_extra_missing(ImportError(name="av"))
    order = PublishOrder(
        source=given_url(source),
        url=_rtsp(given_url(url)),
        transport=transport.value,
        loop=loop,
        quiet=quiet,
        give_up_after_s=give_up_after,
    )
    for name in (INPUT_VARIABLE, URL_VARIABLE):
        os.environ.pop(name, None)
    replace_process(order, "headwater.cli.publish")
    publish_until_signalled(order)


def _rtsp(url: str) -> str:
    if not url.startswith(("rtsp://", "rtsps://")):
        raise CommandFailed(
            "the URL to publish to does not begin with rtsp:// or rtsps://",
            remedy="headwater publish INPUT rtsp://HOST:8554/NAME",
            exit_code=EXIT_CONFIGURATION,
        )
    return url
