"""The supervisor of `headwater serve` with several workers: it carries no media."""

from __future__ import annotations

import functools

from headwater.app.workers.child_process import workers_refusal
from headwater.app.workers.fleet import Fleet
from headwater.app.workers.slices import slice_of
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed, cannot_listen
from headwater.cli.process.event_loop import LoopChoice, StopAsked, run_until_signalled
from headwater.cli.process.logs import configure_logs, log_advice
from headwater.cli.process.reloading import Reloading
from headwater.cli.process.serving import (
    ServeOrder,
    failures_logged,
    hang_ups_taken,
    say_urls,
    serve_until_signalled,
)
from headwater.cli.process.supervisor import Supervisor
from headwater.cli.process.worker_process import spawn_worker
from headwater.config.settings import Settings
from headwater.control.errors import StatusSocketError
from headwater.control.settings import AUTO
from headwater.control.socket_path import status_socket_path
from headwater.control.status_socket import StatusSocket
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)


def serve_with_workers(order: ServeOrder) -> None:
    """Run the server by as many processes as its settings say, until SIGINT or SIGTERM.

    Raises CommandFailed when it cannot start.
    """
    if order.settings.workers.workers == 1:
        serve_until_signalled(order)
        return
    configure_logs(order.settings.log)
    if refusal := workers_refusal():
        logger.warning("one process serves instead of workers", extra={"cause": refusal})
        serve_until_signalled(order)
        return
    log_advice(order.advice)
    with failures_logged(order.settings.log.format):
        # asyncio's own loop: it has no media to carry, and gives processes groups of their own.
        run_until_signalled(lambda stop_asked: _supervise(order, stop_asked), LoopChoice.ASYNCIO)


async def _supervise(order: ServeOrder, stop_asked: StopAsked) -> None:
    settings = order.settings
    supervisor = Supervisor.from_environment()
    spawn = functools.partial(spawn_worker, loop=order.loop)
    fleet = Fleet(settings, spawn)
    await _start(fleet, settings)
    reloading = Reloading(fleet, order.source)
    fleet.answers.on_reload = reloading.reload
    status_socket: StatusSocket | None = None
    with hang_ups_taken(reloading, stop_asked):
        try:
            status_socket = await _open_status_socket(fleet, reloading)
            say_urls(
                settings,
                fleet.ports.publish_url("/NAME"),
                fleet.ports.play_url("/NAME"),
                fleet.ports.http_url("/NAME"),
                fleet.ports.http_url("/"),
            )
            supervisor.ready(fleet.health)
            await stop_asked.wait()
        finally:
            await reloading.aclose()
            supervisor.stopping(fleet.settings.server.drain_s)
            await fleet.stop(fleet.settings.server.drain_s)
            if status_socket is not None:
                await status_socket.close()
            supervisor.close()


async def _start(fleet: Fleet, settings: Settings) -> None:
    listen = settings.server
    ports = tuple(sorted({listen.publish_port, listen.reader_port}))
    try:
        # Looked at here, where it is said once, and not by each worker.
        slice_of(settings, 0, settings.workers.workers)
        await fleet.start()
    except OSError as error:
        raise cannot_listen(
            error, host=listen.host, ports=ports, port_options="--publish-port and --play-port"
        ) from error
    except ValueError as error:
        raise CommandFailed(str(error), exit_code=EXIT_CONFIGURATION) from error
    except RuntimeError as error:
        raise CommandFailed(str(error), remedy="the log above says why") from error


async def _open_status_socket(fleet: Fleet, reloading: Reloading) -> StatusSocket | None:
    setting = fleet.settings.control.status_socket
    if not setting:
        return None
    try:
        path = status_socket_path(setting, fleet.ports.publish)
        status_socket = StatusSocket(
            path, steps=fleet.status, health=fleet.health, actions={"reload": reloading.reload}
        )
        await status_socket.open()
    except StatusSocketError as error:
        if setting != AUTO:
            raise CommandFailed(
                str(error), remedy="change control.status_socket; empty opens none"
            ) from error
        logger.warning("no status socket", extra={"cause": str(error)})
        return None
    logger.info("status socket open", extra={"path": str(path)})
    return status_socket
