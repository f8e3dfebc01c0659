"""Statuses of a server that never ran, made of what a test wants to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from headwater.access.counters import AccessCounters
from headwater.control.process import ProcessStatus
from headwater.control.server_state import ServerState
from headwater.control.status import ConnectionsStatus, DropsStatus, PortsStatus, ServerStatus
from headwater.log_pace import LogTotals
from headwater.media.snapshot import MountSnapshot, PublisherSnapshot, TrackSnapshot
from headwater.media.states import MountState
from headwater.relay.counters import ServerCounters
from headwater.transports.egress_snapshot import EgressTotals

MakeMount = Callable[..., MountSnapshot]
MakeStatus = Callable[..., ServerStatus]

TRACK = TrackSnapshot(
    index=0,
    kind="video",
    encoding="H264",
    clock_rate_hz=90_000,
    outlets=0,
    packets=0,
    bytes=0,
    batches=0,
    key_frames=0,
    key_frame_requests=0,
    invalid_packets=0,
    lost_packets=0,
    jitter_s=0.0,
    rtcp_packets=1,
    dropped_rtcp_packets=0,
    invalid_rtcp_packets=0,
    splices=0,
    last_packet_s=0.0,
)
PUBLISHER = PublisherSnapshot(
    id="p", peer="192.0.2.1:5000", user_agent="encoder", transport="udp", kernel_drops=0
)
MOUNT = MountSnapshot(
    path="/cam",
    state=MountState.LIVE,
    opened_s=100.0,
    age_s=0.0,
    last_packet_s=0.0,
    publisher=PUBLISHER,
    readers=(),
    tracks=(TRACK,),
    cached_bytes=0,
    cached_s=0.0,
    cache_overflows=0,
    publishers_total=1,
    readers_total=0,
    instant_starts=0,
    caught_up=0,
    late_starts=0,
    catch_up_skips=0,
    outlet_errors=0,
    dropped_packets=0,
    dropped_bytes=0,
    slow_disconnects=0,
    kernel_drops=0,
)


@pytest.fixture
def make_mount() -> MakeMount:
    """A mount that opened at 100 s, seen at `at_s`; `track` is what its one track counted."""

    def make(
        at_s: float = 120.0, *, track: dict[str, Any] | None = None, **more: Any
    ) -> MountSnapshot:
        seen = replace(TRACK, **(track or {}))
        base = replace(MOUNT, age_s=at_s - MOUNT.opened_s, last_packet_s=at_s, tracks=(seen,))
        return replace(base, **more)

    return make


@pytest.fixture
def make_status() -> MakeStatus:
    """A server that began at 100 s, seen at `at_s`."""

    def make(
        *mounts: MountSnapshot, at_s: float = 120.0, sent: int = 0, **more: Any
    ) -> ServerStatus:
        base = ServerStatus(
            version="1",
            state=ServerState.RUNNING,
            clock_s=at_s,
            uptime_s=at_s - 100.0,
            ports=PortsStatus("", 8554, 8554, 0, 0, 0, 0, 0, 0, 0),
            settings=None,
            process=ProcessStatus(1, 123_456_789, None, 0.0, 0.0, 1, None, None),
            connections=ConnectionsStatus(3, 0, 0, 0.0, 0, sent),
            counters=ServerCounters(),
            access=AccessCounters(),
            drops=DropsStatus(0, 0, 0, 0, 0, 0),
            log=LogTotals(),
            egress=EgressTotals(),
            hooks=(),
            hook_threads=(),
            egresses=(),
            mounts=mounts,
            sessions=(),
        )
        return replace(base, **more)

    return make
