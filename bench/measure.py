"""Runs one step against one server and returns its figures."""

import ctypes
import socket
import statistics
import struct
import time
from urllib.parse import urlsplit

from bench.accounting import resident_bytes, udp_drops
from bench.browsers.scenarios import asked_meanwhile, browsers
from bench.client_ports import consecutive_pairs
from bench.fleet import TCP_GROUP, UDP_GROUP, Fleet
from bench.native import ChurnPlan, ChurnResult
from bench.peers import Server
from bench.rtsp_client import RtspConnection, control_url
from bench.stage import Cost, Figures, Window, start_cameras
from bench.steps import Kind, Step
from bench.storm import storm

WARM_UP_S = 2.0
DRAIN_S = 3.0
SET_UP_S = 60.0
CHURN_WARM_UP_S = 1.0
JOIN_EVERY_S = 0.37
STEP_NAMES = ("DESCRIBE", "SETUP", "PLAY", "TEARDOWN")


class OverloadedError(RuntimeError):
    """The server did not serve so many readers; the text says how far it came."""


def run_step(step: Step, server: Server, window: Window) -> Figures:
    """Measure one step on a server that was just started.

    Raises OverloadedError when the server did not set its readers up in SET_UP_S.
    """
    match step.kind:
        case Kind.STREAM | Kind.IDLE:
            return _stream(step, server, window)
        case Kind.CHURN:
            return _churn(step, server, window)
        case Kind.START:
            return _start(step, server, window)
        case Kind.STORM:
            return storm(step, server, window)
        case Kind.WHEP | Kind.MSE | Kind.HLS:
            return browsers(step, server, window)


def _per_packet(figures: Figures, delivered: int) -> None:
    for name, source in (("", "cpu"), ("_user", "user"), ("_system", "system")):
        spent_s = float(figures[f"server_{source}_s"])
        figures[f"us_per_packet{name}"] = spent_s * 1e6 / delivered if delivered else 0.0


def _stream(step: Step, server: Server, window: Window) -> Figures:
    readers = step.udp_readers + step.tcp_readers + step.stalled_readers
    polls = window.polls and step.kind is Kind.STREAM
    with Fleet(readers, step.cameras, polls) as fleet:
        mounts = start_cameras(fleet, step, server)
        empty_bytes = resident_bytes(server.pids())
        transports = (
            [(False, False)] * step.udp_readers
            + [(True, False)] * step.tcp_readers
            + [(True, True)] * step.stalled_readers
        )
        began_s = time.monotonic()
        for number, (over_tcp, stalled) in enumerate(transports):
            if time.monotonic() - began_s > SET_UP_S:
                raise OverloadedError(f"{number} of {readers} readers set up in {SET_UP_S:.0f} s")
            camera = number % step.cameras
            player = fleet.add_player(
                server.play_url(mounts[camera]),
                over_tcp=over_tcp,
                camera=camera,
                play=step.playing,
                stalled=stalled,
            )
            if step.stamps_arrivals:
                fleet.stamp_arrivals(player)
            fleet.tick()
        set_up_s = time.monotonic() - began_s
        fleet.run_for(WARM_UP_S)
        ingest_ports = [port for c in fleet.cameras for port in (c.server_ports or ())]
        ingest_before = udp_drops(ingest_ports)
        received_before = fleet.library.load_received(fleet.load)
        fleet.measure_from(window.seconds)
        cost = Cost(server, window)
        page = server.web_url(server.web.page_url, mounts[0]) if step.http_per_s else ""
        with asked_meanwhile(page, step.http_per_s, asks_api=step.asks_api) as statuses:
            fleet.run_for(window.seconds)
        figures = cost.figures()
        if step.http_per_s:
            figures["http_per_s"] = len(statuses) / float(figures["window_s"])
        delivered = fleet.library.load_received(fleet.load) - received_before
        resident = resident_bytes(server.pids())
        _drain(fleet)
        figures |= {
            "delivered_packets": delivered,
            "delivered_per_s": delivered / float(figures["window_s"]),
            "set_up_s": set_up_s,
            "rss_mb": resident / 1e6,
            "rss_before_readers_mb": empty_bytes / 1e6,
            "rss_per_reader_kb": (resident - empty_bytes) / 1e3 / readers,
            "ingest_drops": udp_drops(ingest_ports) - ingest_before,
        }
        if step.kind is Kind.IDLE:
            spent_us = float(figures["server_cpu_s"]) * 1e6 / float(figures["window_s"])
            figures["idle_us_per_session_s"] = spent_us / readers
        else:
            _per_packet(figures, delivered)
        figures |= _seen(fleet, step)
    return figures


def _drain(fleet: Fleet) -> None:
    """Wait for what is still under way: until nothing sent in the window arrives any more."""
    deadline, before = time.monotonic() + DRAIN_S, -1
    while time.monotonic() < deadline:
        fleet.run_for(0.3)
        total = sum(fleet.counters(p).in_window for p in fleet.players if p.index >= 0)
        if total == before:
            return
        before = total


def _seen(fleet: Fleet, step: Step) -> Figures:
    """Loss, latency and oddities as the readers saw them."""
    reading = [fleet.counters(p) for p in fleet.players if p.index >= 0]
    cameras = [fleet.camera_counters(camera.index) for camera in fleet.cameras]
    playing = reading if step.playing else []
    expected = sum(cameras[reader.publisher].in_window for reader in playing)
    arrived = sum(reader.in_window for reader in playing)
    overruns = fleet.generator_drops()
    lost = max(0, expected - arrived - overruns)
    figures: Figures = {
        "expected_packets": expected,
        "lost_packets": lost,
        "lost_percent": 100 * lost / expected if expected else 0.0,
        "generator_overruns": overruns,
        "readers_closed": sum(bool(reader.closed) for reader in reading)
        + sum(p.keepalive_failed for p in fleet.players),
        "repeated_packets": sum(reader.repeated for reader in reading),
        "damaged_packets": sum(reader.damaged for reader in reading),
        "sequence_breaks": sum(reader.sequence_breaks for reader in reading),
        "camera_errors": sum(camera.errors for camera in cameras),
        "camera_late_ms_max": max(camera.late_ns_max for camera in cameras) / 1e6,
        "generator_pass_ms_max": fleet.library.load_longest_pass_ns(fleet.load) / 1e6,
    }
    if overruns:
        figures["loss_uncertain"] = "the load itself dropped datagrams"
    groups = {
        "": (UDP_GROUP, TCP_GROUP),
        **({"udp_": (UDP_GROUP,), "tcp_": (TCP_GROUP,)}
           if step.udp_readers and step.tcp_readers else {}),
    }  # fmt: skip
    for prefix, which in groups.items():
        for word, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)):
            figures[f"{prefix}latency_{word}_ms"] = fleet.latency_ms(which, share)
    return figures


def _churn(step: Step, server: Server, window: Window) -> Figures:
    over_tcp = step.tcp_readers > 0
    workers = step.udp_readers + step.tcp_readers
    with Fleet(0, 1) as fleet:
        mounts = start_cameras(fleet, step, server)
        url = server.play_url(mounts[0])
        probe = RtspConnection(url)
        track = control_url(url, probe.request("DESCRIBE", url, {"Accept": "application/sdp"}))
        probe.close()
        pairs = [] if over_tcp else consecutive_pairs(workers)
        plan = _churn_plan(url, track, over_tcp=over_tcp)
        plan.workers = workers
        plan.client_port = pairs[0][2] if pairs else 0
        result = ChurnResult()
        plan.seconds = CHURN_WARM_UP_S
        fleet.library.churn_run(ctypes.byref(plan), ctypes.byref(result))
        plan.seconds = window.seconds
        before = resident_bytes(server.pids())
        cost = Cost(server, window)
        fleet.library.churn_run(ctypes.byref(plan), ctypes.byref(result))
        figures = cost.figures()
        for rtp, rtcp, _ in pairs:
            rtp.close()
            rtcp.close()
        sessions = result.sessions
        figures |= {
            "sessions": sessions,
            "sessions_per_s": sessions / result.elapsed_s if result.elapsed_s else 0.0,
            "ms_cpu_per_session": float(figures["server_cpu_s"]) * 1e3 / max(1, sessions),
            "session_p50_ms": result.p50_ms,
            "session_p99_ms": result.p99_ms,
            "session_max_ms": result.max_ms,
            **{
                f"{word.lower()}_p50_ms": took
                for word, took in zip(STEP_NAMES, result.step_p50_ms, strict=True)
            },
            "refused": result.refused,
            "broken": result.broken,
            "rss_mb": resident_bytes(server.pids()) / 1e6,
            "rss_growth_mb": (resident_bytes(server.pids()) - before) / 1e6,
        }
        if result.refused:
            word = STEP_NAMES[result.first_step]
            figures["first_refusal"] = f"{word}: {result.first_status}"
    return figures


def _churn_plan(url: str, track: str, *, over_tcp: bool) -> ChurnPlan:
    def request(method: str, uri: str, cseq: int, *headers: str) -> bytes:
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {cseq}", *headers, "", ""]
        return "\r\n".join(lines).encode()

    parts = urlsplit(url)
    transport = "RTP/AVP/TCP;unicast;interleaved=@" if over_tcp else "RTP/AVP;unicast;client_port=@"
    address = socket.gethostbyname(parts.hostname or "127.0.0.1")
    return ChurnPlan(
        describe=request("DESCRIBE", url, 1, "Accept: application/sdp"),
        setup=request("SETUP", track, 2, f"Transport: {transport}"),
        play=request("PLAY", url, 3, "Session: @", "Range: npt=0.000-"),
        teardown=request("TEARDOWN", url, 4, "Session: @"),
        address=struct.unpack("=I", socket.inet_aton(address))[0],
        port=parts.port or 554,
    )


def _start(step: Step, server: Server, window: Window) -> Figures:
    """Readers join at every phase of the GOP; from PLAY to a whole key frame."""
    joins = step.udp_readers + step.tcp_readers
    with Fleet(joins, 1) as fleet:
        mounts = start_cameras(fleet, step, server)
        fleet.run_for(step.picture.gop_s + 0.5)
        cost = Cost(server, window)
        for _ in range(joins):
            fleet.add_player(server.play_url(mounts[0]), over_tcp=step.tcp_readers > 0, camera=0)
            fleet.run_for(JOIN_EVERY_S)
        fleet.run_for(step.picture.gop_s + 1.0)
        figures = cost.figures()
        seen = [fleet.counters(player) for player in fleet.players]
        whole = [s for s in seen if s.first_frame_ns]
        packet_ms = sorted((s.first_packet_ns - s.play_ns) / 1e6 for s in seen if s.received)
        frame_ms = sorted((s.first_frame_ns - s.play_ns) / 1e6 for s in whole)
        figures |= {
            "joins": joins,
            "joins_without_key_frame": joins - len(whole),
            "first_packet_median_ms": statistics.median(packet_ms) if packet_ms else 0.0,
            "first_frame_median_ms": statistics.median(frame_ms) if frame_ms else 0.0,
            "first_frame_max_ms": frame_ms[-1] if frame_ms else 0.0,
            "packets_missing_since_first": sum(s.missing for s in seen),
            "repeated_packets": sum(s.repeated for s in seen),
            "sequence_breaks": sum(s.sequence_breaks for s in seen),
            "damaged_packets": sum(s.damaged for s in seen),
        }
    return figures
