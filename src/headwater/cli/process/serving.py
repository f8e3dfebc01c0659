"""The server of `headwater serve`: started, told of to its supervisor, stopped by signals.

The standard library and uvloop alone: whatever is imported here stays in memory for as
long as the server runs.
"""

import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from headwater import RtspServer
from headwater.app.signals import signals_taken
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed, cannot_listen
from headwater.cli.process.calm_collection import collect_in_calm_moments
from headwater.cli.process.event_loop import LoopChoice, StopAsked, run_until_signalled
from headwater.cli.process.logs import configure_logs, log_advice
from headwater.cli.process.reloading import Reloading
from headwater.cli.process.settings_source import SettingsSource
from headwater.cli.process.supervisor import Supervisor
from headwater.cli.terminal import has_terminal
from headwater.config.applied import Applied
from headwater.config.settings import LogFormat, Settings
from headwater.control.errors import StatusSocketError
from headwater.control.settings import AUTO
from headwater.log_pace import paced_logger
from headwater.relay.memory_return import release_memory

logger = paced_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOrder:
    """What `headwater serve` was asked for, all of it checked."""

    settings: Settings
    loop: LoopChoice
    advice: tuple[str, ...] = ()
    """What of it is likely meant otherwise, for the log."""
    source: SettingsSource = field(default_factory=SettingsSource)
    """Where to read the settings again."""


def serve_until_signalled(order: ServeOrder) -> None:
    """Run the server until SIGINT or SIGTERM; raises CommandFailed when it cannot start."""
    configure_logs(order.settings.log)
    log_advice(order.advice)
    with failures_logged(order.settings.log.format):
        run_until_signalled(lambda stop_asked: _serve(order, stop_asked), order.loop)


@contextlib.contextmanager
def failures_logged(log_format: LogFormat) -> Iterator[None]:
    """Log a failure, and exit, where the log is for machines: what reads JSON gets nothing else."""
    try:
        yield
    except CommandFailed as failure:
        if log_format is LogFormat.TEXT:
            raise
        fields = {"cause": str(failure), "remedy": failure.remedy}
        logger.error("server not started", extra=fields)
        sys.exit(failure.exit_code)


async def start_server(
    server: RtspServer,
    settings: Settings,
    *,
    port_options: str = "--publish-port, --play-port and --http-port",
) -> None:
    """Start the server; raises CommandFailed, naming the options to use, when it cannot listen."""
    listen = settings.server
    ports = tuple(sorted({listen.publish_port, listen.reader_port, settings.http.port or 0} - {0}))
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(
            error, host=listen.host, ports=ports, port_options=port_options
        ) from error
    except ValueError as error:
        # A file that was good when the options were read: what it holds now is no better again.
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error


async def open_status_socket(
    server: RtspServer, on_reload: Callable[[], Awaitable[Applied]] | None = None
) -> None:
    """Let `headwater status` ask the server, and `headwater reload` have it call `on_reload`.

    Raises CommandFailed when the socket that the settings name cannot be opened; without the
    automatic one the server goes on, which is logged.
    """
    try:
        await server.open_status_socket(on_reload=on_reload)
    except StatusSocketError as error:
        if server.settings.control.status_socket != AUTO:
            raise CommandFailed(
                str(error), remedy="change control.status_socket; empty opens none"
            ) from error
        logger.warning("no status socket", extra={"cause": str(error)})


async def _serve(order: ServeOrder, stop_asked: StopAsked) -> None:
    settings = order.settings
    server = RtspServer(settings=settings)
    supervisor = Supervisor.from_environment()
    await start_server(server, settings)
    # What loading all that took to start with goes back to the system.
    release_memory()
    collect_in_calm_moments()
    reloading = Reloading(server, order.source)
    with hang_ups_taken(reloading, stop_asked):
        try:
            await open_status_socket(server, reloading.reload)
            has_pages = server.http_port is not None
            say_urls(
                server.settings,
                server.publish_url("/NAME"),
                server.play_url("/NAME"),
                server.http_url("/NAME") if has_pages else "",
                server.http_url("/") if has_pages else "",
            )
            supervisor.ready(server.health)
            await stop_asked.wait()
        finally:
            await reloading.aclose()
            supervisor.stopping(server.settings.server.drain_s)
            await server.stop()
            supervisor.close()


def say_urls(
    settings: Settings, publish_url: str, play_url: str, http_url: str, dashboard_url: str = ""
) -> None:
    """Tell a person where to look, publish and play; machines are told by `server started`."""
    if settings.log.format is LogFormat.JSON:
        return
    # A standard output that cannot be written to is no reason not to serve.
    with contextlib.suppress(OSError):
        if dashboard_url:
            sys.stdout.write(f"dashboard   {dashboard_url}\n")
        if http_url:
            sys.stdout.write(f"watch at    {http_url}\n")
        sys.stdout.write(f"publish to  {publish_url}\nplay from   {play_url}\n")
        sys.stdout.flush()


def hang_ups_taken(
    reloading: Reloading, stop_asked: StopAsked
) -> contextlib.AbstractContextManager[None]:
    """SIGHUP reads the configuration again; where a terminal has hung up, it ends the server."""
    number: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if number is None:  # Windows
        return contextlib.nullcontext()
    had_terminal = has_terminal()

    def on_hang_up(_number: int) -> None:
        if had_terminal and not has_terminal():
            stop_asked.set()
        else:
            reloading.signalled()

    return signals_taken((number,), on_hang_up)
