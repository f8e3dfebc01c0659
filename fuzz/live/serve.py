"""The server under fuzz: `python -m fuzz.live.serve PORT_START roomy|tight`.

Writes its port as the first line of standard output, and a line of JSON about itself for every
line it reads; ends when standard input ends. Errors and warnings go to standard error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
from dataclasses import replace
from pathlib import Path

from inside import inside

from fuzz.live.manners import PROXIES
from headwater import RtspServer
from headwater.access.settings import AccessSettings, UserSettings
from headwater.config.settings import Settings
from headwater.hooks import HookRequest, Redirect
from headwater.media.settings import MountOverride, MountSettings, SecondPublisher, SlowReaderPolicy
from headwater.net.descriptor_limit import raise_descriptor_limit
from headwater.net.settings import SocketSettings
from headwater.relay.limit_settings import LimitSettings
from headwater.server.settings import ServerSettings, SessionSettings
from headwater.transports.settings import RtpSettings

UDP_PORTS = 2_000
SESSION_TIMEOUT_S = 8.0
WRITE_STALL_S = 3.0
OPEN_PATHS = ("/*", "/p4/*", "/late/*", "/moved/*", "/forbidden/*")
SETTINGS = Settings(
    # Nobody is slowed down or turned away: the point is to get as far as possible.
    limits=LimitSettings(
        requests_per_s=1e9,
        connections_per_address=10_000,
        sessions=20_000,
        sessions_per_address=20_000,
        header_bytes=4_096,
        body_bytes=16_384,
        uri_bytes=1_024,
        path_bytes=200,
        tracks_per_mount=4,
        answer_queue_bytes_total=1 << 20,
        write_stall_timeout_s=WRITE_STALL_S,
    ),
    server=ServerSettings(proxy_protocol_from=PROXIES),
    # What is not read shall wait in the server, not in the kernel.
    sockets=SocketSettings(tcp_send_buffer_bytes=16_384),
    sessions=SessionSettings(timeout_s=SESSION_TIMEOUT_S, advertised_margin_s=2.0),
    mounts=MountSettings(
        grace_s=0.3,
        publisher_idle_timeout_s=5.0,
        slow_reader_disconnect_s=WRITE_STALL_S,
        multicast_group="239.255.77.1",
        multicast_port_start=5_004,
        multicast_ttl=0,
        multicast_interface="127.0.0.1",
    ),
    mount_overrides=(
        MountOverride(pattern="/p1*", on_second_publisher=SecondPublisher.REPLACE, grace_s=0.0),
        MountOverride(
            pattern="/p2*",
            grace_s=2.0,
            max_readers=2,
            slow_reader_policy=SlowReaderPolicy.DISCONNECT,
        ),
        MountOverride(pattern="/witness", grace_s=5.0, multicast_group=""),
    ),
    access=AccessSettings(
        users=(UserSettings(name="ann", password="secret", read=("**",), publish=("/closed/*",)),),
        anonymous_publish=OPEN_PATHS,
        anonymous_read=OPEN_PATHS,
        address_failure_limit=0,
        user_failure_limit=0,
    ),
)
# The same with so little of everything that limits are met all the time.
TIGHT_UDP_PORTS = 12
TIGHT_SETTINGS = replace(
    SETTINGS,
    limits=replace(
        SETTINGS.limits,
        sessions_per_connection=2,
        publishers=10,
        sessions=120,
        reader_queue_bytes_total=60_000,
        answer_queue_bytes_total=60_000,
        publisher_bits_per_s=3e6,
    ),
    rtp=RtpSettings(nat_latching=True, receiver_report_interval_s=0.1),
    mounts=replace(
        SETTINGS.mounts,
        max_readers=3,
        gop_cache_max_bytes=6_000,
        catch_up_burst_bytes=1_500,
        catch_up_max_bytes=4_000,
        slow_reader_max_bytes=8_000,
        slow_reader_max_age_s=0.2,
        slow_reader_disconnect_s=0.5,
        key_frame_wait_s=0.2,
    ),
    mount_overrides=(
        *SETTINGS.mount_overrides[:-1],
        MountOverride(pattern="/witness", max_readers=0, slow_reader_max_bytes=1 << 20),
        MountOverride(pattern="/witness", slow_reader_max_age_s=3.0, multicast_group=""),
    ),
)


class WitnessLog(logging.Handler):
    """Formats every record, as a real handler would, and lets warnings through."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record when it matters."""
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            text = logging.Formatter("%(levelname)s %(name)s: %(message)s").format(record)
            print(text, getattr(record, "cause", ""), file=sys.stderr, flush=True)
        else:
            str(message).encode("utf-8", SecondPublisher.REPLACE)


async def check_mount(request: HookRequest) -> bool | Redirect:
    """Redirect some paths, refuse others, take a moment for a third kind."""
    if request.path.startswith("/moved"):
        return Redirect("rtsp://127.0.0.1/elsewhere")
    if request.path.startswith("/late"):
        await asyncio.sleep(0.002)
    return not request.path.startswith("/forbidden")


def facts(server: RtspServer) -> dict[str, float]:
    """What must be bounded, and as it was once everybody is gone."""
    state, parts = server.status(), inside(server)
    relay = parts.relay
    unread = [connection.unread_bytes for connection in parts.connections]
    causes = state.counters.connections_closed_by_cause | state.counters.sessions_closed_by_cause
    return {
        "mounts": len(server.mounts),
        "sessions": len(server.sessions),
        "connections": state.connections.open,
        "udp_pairs": server.udp_pairs_in_use,
        "tasks": len(asyncio.all_tasks()),
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "request_failures": server.counters.request_failures,
        "connection_failures": server.counters.connection_failures,
        "reservations": len(relay.reservations),
        "description_bytes": relay.descriptions.size_bytes,
        "cache_bytes": relay.mounts.cache_budget.held_bytes,
        "unread_bytes": sum(unread),
        "most_unread_bytes": max(unread, default=0),
        "oldest_queued_s": state.connections.oldest_queued_s,
        "answer_queue_bytes": relay.answer_budget.queued.size_bytes,
        "answer_queue_most_bytes": relay.answer_budget.most_bytes,
        "reader_queue_bytes": relay.queue_budget.queued.size_bytes,
        "stalled": causes.get("write_stall_timeout_s", 0) + causes.get("slow reader", 0),
        "requests": server.counters.requests,
        "peak_rss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


async def main() -> None:
    """Serve until standard input ends."""
    raise_descriptor_limit()
    tight = sys.argv[2] == "tight"
    hooks = {"check_mount": check_mount}
    server = RtspServer(
        # Both address families; the peers come over loopback alone.
        host="",
        publish_port=0,
        rtp_port_start=int(sys.argv[1]),
        rtp_port_count=TIGHT_UDP_PORTS if tight else UDP_PORTS,
        publish_hooks=hooks,
        play_hooks=hooks,
        settings=TIGHT_SETTINGS if tight else SETTINGS,
    )
    await server.start()
    print(server.publish_port, flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(facts(server)), flush=True)
    await server.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, handlers=[WitnessLog()])
    logging.getLogger("asyncio").setLevel(logging.INFO)
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
