"""What the machine gives the server, looked at once when it starts."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from dataclasses import replace

from headwater.config.settings import Settings
from headwater.log_pace import paced_logger
from headwater.net.descriptor_limit import raise_descriptor_limit
from headwater.net.socket_buffers import set_receive_buffer, set_send_buffer

logger = paced_logger(__name__)

_SPARE_DESCRIPTORS = 64
"""For listeners, the event loop, log files, and what else the program has open."""


def look_at_machine(settings: Settings) -> None:
    """Raise the limit of open files, and log what the machine gives less of than is asked.

    Each shortfall is one line that names what to raise; none of them keeps the server from
    starting.
    """
    _raise_descriptor_limit(settings)
    for shortfall in _buffer_shortfalls(settings):
        if shortfall is not None:
            logger.warning("socket buffer too small", extra={"cause": shortfall})


def _raise_descriptor_limit(settings: Settings) -> None:
    asked = settings.sockets.descriptor_limit
    doors = 1 if settings.http.port is None else 2
    most_in_use = (
        doors * settings.limits.connections + settings.rtp.rtp_port_count + _SPARE_DESCRIPTORS
    )
    limit = replace(raise_descriptor_limit(asked), wanted=asked or most_in_use)
    if limit.shortfall is None:
        return
    # The limits of the settings together are more than most servers ever use: what the owner
    # asked for is missed, and less than half of what may be needed is few. Else this concerns
    # nobody at a start: who runs out of descriptors is told so then.
    few = asked or 2 * limit.allowed < most_in_use
    logger.log(
        logging.WARNING if few else logging.DEBUG,
        "too few open files" if few else "fewer open files than the limits add up to",
        extra={"cause": limit.shortfall},
    )


def _buffer_shortfalls(settings: Settings) -> list[str | None]:
    sockets = settings.sockets
    # Where there is no IPv4 the first media socket will show it.
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return [
            set_receive_buffer(sock, sockets.udp_receive_buffer_bytes).shortfall,
            set_send_buffer(sock, sockets.udp_send_buffer_bytes).shortfall,
        ]
    return []
