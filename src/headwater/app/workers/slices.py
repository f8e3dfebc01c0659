"""What one of several workers gets of what the settings give to the whole machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from headwater.config.settings import Settings

_SHARED_BYTES: Final = (
    "description_bytes_total",
    "reader_queue_bytes_total",
    "catch_up_bytes_total",
    "answer_queue_bytes_total",
    "gop_cache_bytes_total",
)
"""Limits on memory, of which each worker has its part. Other limits are counted together."""


def slice_of(settings: Settings, number: int, workers: int) -> Settings:
    """Return the settings of worker `number`, from 0: its UDP ports, its part of the memory.

    The first one alone has the port for browsers.

    Raises ValueError where there are too few UDP ports for so many workers.
    """
    rtp, limits = settings.rtp, settings.limits
    first = rtp.rtp_port_start + rtp.rtp_port_start % 2
    pairs = (rtp.rtp_port_start + rtp.rtp_port_count - first) // 2 // workers
    if not pairs:
        raise ValueError(
            f"rtp_port_count is {rtp.rtp_port_count}; {workers} workers need a pair of ports each"
        )
    return replace(
        settings,
        rtp=replace(
            rtp,
            rtp_port_start=first + 2 * pairs * number,
            rtp_port_count=2 * pairs,
            rtp_pairs_per_address=-(-rtp.rtp_pairs_per_address // workers),
        ),
        limits=replace(
            limits,
            **{name: max(1, getattr(limits, name) // workers) for name in _SHARED_BYTES},
        ),
        # What a browser says over HTTP, connection after connection, is of one session.
        http=replace(settings.http, port=None, http2_port=None) if number else settings.http,
        control=replace(settings.control, status_socket=""),
    )
