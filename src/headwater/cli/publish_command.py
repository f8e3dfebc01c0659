"""`headwater publish`: send a file or a camera to any RTSP server, without encoding it again."""

import signal
import time
from contextlib import nullcontext
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from headwater.cli.failures import media_extra_missing

if TYPE_CHECKING:
    from headwater.cli.remux import Progress


class PublishTransport(StrEnum):
    """How the media travels to the server."""

    TCP = "tcp"
    UDP = "udp"


def publish(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT", help="A file, a device, or any URL libav opens.", show_default=False
        ),
    ],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar="HEADWATER_PUBLISH_URL",
            help="Where to: rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH. In the environment a "
            "password stays out of the process list.",
            show_default=False,
        ),
    ],
    transport: Annotated[
        PublishTransport, typer.Option(help="How the media travels.")
    ] = PublishTransport.TCP,
    loop: Annotated[
        bool, typer.Option("--loop", help="Begin again at the end of the input.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress line.")] = False,
) -> None:
    """Publish INPUT to URL as it is (no encoding), in real time; Ctrl-C ends it."""
    try:
        from headwater.cli.remux import Remux
    except ImportError as error:
        raise media_extra_missing(error) from error
    remux = Remux(source, url, transport=transport.value, loop=loop)
    console = Console(stderr=True, quiet=quiet)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    display = Live(
        get_renderable=lambda: progress_line(remux.progress),
        console=console,
        refresh_per_second=4,
    )
    try:
        # Where nobody watches, one line at the end tells as much.
        with display if console.is_terminal else nullcontext():
            remux.run()
        ending = "sent"
    except KeyboardInterrupt:
        ending = "stopped"
    if not console.is_terminal:
        console.print(progress_line(remux.progress), soft_wrap=True)
    console.print(ending)


def progress_line(progress: "Progress") -> Text:
    """What was sent so far: time of the media, packets, and the mean bit rate."""
    elapsed_s = max(time.monotonic() - progress.began_s, 0.001)
    length = f" of {_clock(progress.length_s)}" if progress.length_s and not progress.rounds else ""
    rounds = f", round {progress.rounds + 1}" if progress.rounds else ""
    megabits = progress.size_bytes * 8 / elapsed_s / 1e6
    return Text(
        f"{_clock(progress.media_s)}{length}{rounds}  {progress.packets} packets  "
        f"{megabits:.2f} Mb/s  {' + '.join(progress.tracks)}"
    )


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End by closing the session; a second signal ends the process at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
