"""`headwater demo`: a server, a synthetic camera that publishes to it, and how to watch."""

import asyncio
import shlex
import shutil
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from headwater import Hooks, MountSnapshot, RtspServer
from headwater.cli.commands.publish_command import PublishTransport
from headwater.cli.failures import CommandFailed, media_extra_missing
from headwater.cli.process.event_loop import LoopChoice, StopAsked, run_until_signalled
from headwater.cli.process.logs import configure_logs
from headwater.cli.process.serving import open_status_socket, start_server
from headwater.cli.settings_read import read_settings
from headwater.config.file import Assignment
from headwater.config.settings import LogLevel, Settings
from headwater.webrtc.settings import WebRtcSettings

_CAMERA_END_S = 5.0
_FOR_BROWSERS = ("starlette", "uvicorn", "httptools", "websockets", "OpenSSL", "pylibsrtp")
_MODEST = (
    # A demo needs no more open files than any machine allows.
    Assignment("demo", "rtp.rtp_port_count", "200"),
    Assignment("demo", "limits.connections", "200"),
)


def demo(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on. 0.0.0.0 lets other machines watch.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="RTSP port. 0 picks a free port.")] = 8554,
    http_port: Annotated[
        int, typer.Option(help="Port for browsers. Where it is taken, a free one.")
    ] = 8080,
    path: Annotated[str, typer.Option(help="The path that the camera publishes to.")] = "/demo",
    transport: Annotated[
        PublishTransport, typer.Option(help="How the camera's media travels.")
    ] = PublishTransport.TCP,
    log_level: Annotated[
        LogLevel, typer.Option(help="The lowest level that is logged.", case_sensitive=False)
    ] = LogLevel.WARNING,
) -> None:
    """Run a server with a synthetic camera: a moving picture with a clock, and a tone."""
    for module in ("av", "numpy"):
        if find_spec(module) is None:
            raise media_extra_missing(ImportError(module, name=module))
    settings = read_settings(
        None,
        [
            Assignment("--host", "server.host", host),
            Assignment("--port", "server.publish_port", str(port)),
            Assignment("--log-level", "log.level", log_level),
            *_MODEST,
            *_for_browsers(host, http_port),
        ],
        environment={},
    )
    configure_logs(settings.log)
    mount = path if path.startswith("/") else f"/{path}"
    run_until_signalled(
        lambda stop_asked: _demo(settings, mount, transport, stop_asked), LoopChoice.AUTO
    )


def _for_browsers(host: str, http_port: int) -> list[Assignment]:
    """Return what opens the ports for browsers, free ones where the usual ones are taken."""
    if any(find_spec(module) is None for module in _FOR_BROWSERS):
        return []
    media = WebRtcSettings().port
    return [
        Assignment("demo", "http.port", str(_free_port(host, http_port, socket.SOCK_STREAM))),
        Assignment("demo", "webrtc.port", str(_free_port(host, media, socket.SOCK_DGRAM))),
    ]


def _free_port(host: str, port: int, kind: socket.SocketKind) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as tried:
        if kind is socket.SOCK_STREAM:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return 0
    return port


async def _demo(
    settings: Settings, mount: str, transport: PublishTransport, stop_asked: StopAsked
) -> None:
    hooks = Hooks()

    @hooks.publisher_started
    def show_instructions(published: MountSnapshot) -> None:
        if published.path == mount:
            urls = server.play_url(mount), server.publish_url("/mine")
            has_pages = server.http_port is not None
            page, dashboard = (server.http_url(path) if has_pages else "" for path in (mount, "/"))
            typer.echo(instructions(*urls, page=page, dashboard=dashboard, command=own_command()))

    server = RtspServer(settings=settings, publish_hooks=hooks)
    await start_server(server, settings, port_options="--port and --http-port")
    try:
        await open_status_socket(server)
        camera = await _start_camera(server.publish_url(mount), transport)
        try:
            await _until_stopped(camera, stop_asked)
        finally:
            await _end_camera(camera)
    finally:
        await server.stop()


async def _start_camera(url: str, transport: PublishTransport) -> Process:
    module = "headwater.libav.camera"
    # A session of its own: Ctrl-C in the terminal is for this process, which ends the camera.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, url, transport.value),
        stdin=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )


async def _until_stopped(camera: Process, stop_asked: StopAsked) -> None:
    """Return when asked to stop; raises CommandFailed when the camera ends before that."""
    stop = asyncio.create_task(stop_asked.wait())
    camera_ends = asyncio.create_task(camera.communicate())
    await asyncio.wait({stop, camera_ends}, return_when=asyncio.FIRST_COMPLETED)
    if not stop_asked.is_set():
        _, said = camera_ends.result()
        stop.cancel()
        reason = said.decode(errors="replace").strip() or f"exit code {camera.returncode}"
        raise CommandFailed(f"the synthetic camera ended: {reason}")


async def _end_camera(camera: Process) -> None:
    if camera.returncode is not None:
        return
    camera.terminate()
    try:
        await asyncio.wait_for(camera.wait(), _CAMERA_END_S)
    except TimeoutError:
        camera.kill()
        await camera.wait()


def own_command() -> str:
    """Return how this command is called in another terminal, which may have another search path."""
    program = Path(sys.argv[0])
    found = shutil.which(program.name)
    if found and Path(found).resolve() == program.resolve():
        return program.name
    if program.name == "headwater" and program.exists():
        return shlex.quote(str(program))
    return f"{shlex.quote(sys.executable)} -m headwater"


def instructions(
    play_url: str,
    publish_url: str,
    *,
    page: str = "",
    dashboard: str = "",
    command: str = "headwater",
) -> str:
    """Return what to open in a browser, and what to paste into another terminal."""
    watch = f"in a browser:\n\n    {page}\n" if page else f"at\n\n    {play_url}\n"
    overview = f"\nThe dashboard of this server:\n\n    {dashboard}\n" if dashboard else ""
    return f"""{overview}
A synthetic camera (H.264 and AAC) is live {watch}
Watch it with other players:

    ffplay -rtsp_transport tcp {play_url}
    vlc {play_url}
    mpv {play_url}
    gst-play-1.0 {play_url}

Publish a file of your own beside it:

    {command} publish FILE {publish_url}
    ffmpeg -re -i FILE -c copy -f rtsp {publish_url}

See what the server does:

    {command} top
    {command} status --watch

Ctrl-C ends it.
"""
