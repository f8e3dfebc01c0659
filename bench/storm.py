"""A crowd joins one mount at a chosen moment of the group, beside readers that are live."""

import ctypes
import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Self
from urllib.parse import urlsplit

from bench.accounting import udp_drops
from bench.client_ports import receive_drops
from bench.fleet import TCP_GROUP, UDP_GROUP, Fleet
from bench.native import OVER_UDP, JoinPlan, JoinResult, ReaderCounters
from bench.peers import Server
from bench.rtsp_client import RtspConnection, RtspError, control_url
from bench.stage import Cost, Figures, Window, start_cameras
from bench.steps import Step

# By their group latencies of live readers in the storm are told apart from those before it.
CROWD_GROUP, STORM_GROUP = 2, 3
USUAL_S = 3.0
DEADLINE_S = 30.0
AFTER_S = 2.0
"""The window goes on for so long, and for a group, behind the last PLAY: all are live by then."""
LIVE_WINDOW_S = 3.0
BYSTANDER_EVERY_S = 0.01


def storm(step: Step, server: Server, window: Window) -> Figures:
    """Measure one storm: its wait, its cost, and what live readers notice of it."""
    crowd = step.udp_readers + step.tcp_readers
    with Fleet(crowd + step.live_readers, 1, polls=window.polls) as fleet:
        url = server.play_url(start_cameras(fleet, step, server)[0])
        for _ in range(step.live_readers):
            # The load looks at so many sockets in a storm that its own round takes milliseconds.
            fleet.stamp_arrivals(fleet.add_player(url, over_tcp=False, camera=0))
            fleet.tick()
        fleet.run_for(step.picture.gop_s + 0.5)
        with closing(_Bystander(server.play_url(""))) as bystander:
            fleet.measure_from(USUAL_S)
            fleet.run_for(USUAL_S + 0.2)
            live = [fleet.counters(player) for player in fleet.players]
            for reader in live:
                reader.group, reader.in_window = STORM_GROUP, 0
            with _Crowd(fleet, url, crowd, over_tcp=step.tcp_readers > 0) as joiners:
                return _measured(step, server, window, fleet, live, joiners, bystander)


class _Crowd:
    """Its sockets, and what is asked for each of its readers."""

    def __init__(self, fleet: Fleet, url: str, count: int, *, over_tcp: bool) -> None:
        self.fleet, self.count, self.over_tcp = fleet, count, over_tcp
        self.first_reader = len(fleet.players)
        self.pairs = [] if over_tcp else [fleet.port_pair() for _ in range(count)]
        self._fds = (ctypes.c_int32 * count)(*[-1] * count)
        self._ports = (ctypes.c_uint16 * count)(*[port for _, _, port in self.pairs])
        for rtp, rtcp, _ in self.pairs:
            added = fleet.library.load_add_reader(
                fleet.load, rtp.fileno(), rtcp.fileno(), OVER_UDP, CROWD_GROUP, 0, 0
            )
            if added < 0:
                raise RuntimeError("no room for the crowd's readers")
        self._plan = self._requests(url)

    def join(self) -> JoinResult:
        """Connect, DESCRIBE, SETUP and PLAY for all, side by side."""
        result = JoinResult()
        self.fleet.library.join_run(
            self.fleet.load, ctypes.byref(self._plan), ctypes.byref(result), self._fds
        )
        return result

    def readers(self) -> list[ReaderCounters]:
        """What each of them has seen; fewer where some were refused."""
        counters = [self.fleet.readers[self.first_reader + n] for n in range(self.count)]
        return [reader for reader in counters if reader.play_ns]

    def _requests(self, url: str) -> JoinPlan:
        probe = RtspConnection(url)
        track = control_url(url, probe.request("DESCRIBE", url, {"Accept": "application/sdp"}))
        probe.close()
        parts = urlsplit(url)
        address = socket.gethostbyname(parts.hostname or "127.0.0.1")
        way = "RTP/AVP/TCP;unicast;interleaved=@" if self.over_tcp else (
            "RTP/AVP;unicast;client_port=@"
        )  # fmt: skip

        def request(method: str, uri: str, cseq: int, *headers: str) -> bytes:
            agent = "User-Agent: headwater-bench"
            lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {cseq}", agent, *headers, "", ""]
            return "\r\n".join(lines).encode()

        return JoinPlan(
            describe=request("DESCRIBE", url, 1, "Accept: application/sdp"),
            setup=request("SETUP", track, 2, f"Transport: {way}"),
            play=request("PLAY", url, 3, "Session: @", "Range: npt=0.000-"),
            address=struct.unpack("=I", socket.inet_aton(address))[0],
            port=parts.port or 554,
            count=self.count,
            over_tcp=self.over_tcp,
            group=CROWD_GROUP,
            publisher=0,
            first_reader=self.first_reader,
            client_ports=self._ports,
            deadline_s=DEADLINE_S,
        )

    def drops(self) -> int:
        """Datagrams lost because the load itself read too late."""
        return sum(receive_drops(rtp) for rtp, _, _ in self.pairs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            if fd >= 0:
                socket.socket(fileno=fd).close()
        for rtp, rtcp, _port in self.pairs:
            rtp.close()
            rtcp.close()


def _wait_for_phase(fleet: Fleet, step: Step) -> None:
    """Until the camera has sent so much of a group; it sends the frame after the count."""
    wanted = round(step.phase * step.picture.gop_frames)
    camera = fleet.camera_counters(0)
    while camera.frame % step.picture.gop_frames == wanted:
        time.sleep(0.001)
    while camera.frame % step.picture.gop_frames != wanted:
        time.sleep(0.0005)


def _measured(
    step: Step,
    server: Server,
    window: Window,
    fleet: Fleet,
    live: list[ReaderCounters],
    crowd: _Crowd,
    bystander: "_Bystander",
) -> Figures:
    ingest_ports = [port for camera in fleet.cameras for port in (camera.server_ports or ())]
    dropped_before = udp_drops(ingest_ports)
    _wait_for_phase(fleet, step)
    camera_before = fleet.camera_counters(0).in_window
    received_before = fleet.library.load_received(fleet.load)
    storm_s = step.picture.gop_s + AFTER_S
    fleet.measure_from(storm_s)
    cost = Cost(server, window)
    with bystander.asking() as answers_ms:
        result = crowd.join()
        fleet.run_for(storm_s)
    figures = cost.figures()
    delivered = fleet.library.load_received(fleet.load) - received_before
    seen = crowd.readers()
    # 0 of a reader that got nothing old at all.
    last_old_ns = max(r.last_old_ns for r in [*crowd.readers(), *live])
    all_live_s = max(0, last_old_ns - result.began_ns) / 1e9
    steady = _steady(server, window, fleet)
    answers_ms.sort()
    expected = (fleet.camera_counters(0).in_window - camera_before) * len(live)
    overruns = fleet.generator_drops()
    arrived = [reader for reader in seen if reader.received]
    kept_s = [max(0, r.play_ns - r.first_sent_ns) / 1e9 for r in arrived]
    whole = [reader for reader in seen if reader.first_frame_ns]
    frame_ms = [(r.first_frame_ns - r.play_ns) / 1e6 for r in whole]
    return figures | {
        "joins": crowd.count,
        "refused": result.refused,
        "broken": result.broken,
        "all_play_s": (max((r.first_packet_ns for r in arrived), default=0) - result.began_ns)
        / 1e9,
        "all_asked_s": (result.asked_ns - result.began_ns) / 1e9,
        "all_saw_a_key_frame_s": (
            max((r.first_frame_ns for r in whole), default=0) - result.began_ns
        )
        / 1e9,
        "all_live_s": all_live_s,
        "first_packet_max_ms": max(
            ((r.first_packet_ns - r.play_ns) / 1e6 for r in arrived), default=0.0
        ),
        "first_frame_median_ms": statistics.median(frame_ms) if frame_ms else 0.0,
        "first_frame_max_ms": max(frame_ms, default=0.0),
        "joins_without_key_frame": crowd.count - len(whole),
        "answer_p99_ms": result.answer_p99_ms,
        "answer_max_ms": result.answer_max_ms,
        **_answers(answers_ms),
        "bystander_lost": bystander.lost,
        "ms_cpu_per_reader": float(figures["server_cpu_s"]) * 1e3 / crowd.count,
        "storm_packets": delivered,
        "kept_s_per_reader": statistics.fmean(kept_s) if kept_s else 0.0,
        "us_per_live_packet": steady,
        "of_live": float(figures["server_cpu_s"]) * 1e6 / max(1, delivered) / steady,
        "usual_p99_ms": fleet.latency_ms((UDP_GROUP, TCP_GROUP), 0.99),
        "storm_p99_ms": fleet.latency_ms((STORM_GROUP,), 0.99),
        "storm_p999_ms": fleet.latency_ms((STORM_GROUP,), 0.999),
        "lost_packets": max(0, expected - sum(r.in_window for r in live) - overruns),
        "packets_missing_since_first": sum(r.missing for r in seen),
        "repeated_packets": sum(r.repeated for r in [*seen, *live]),
        "sequence_breaks": sum(r.sequence_breaks for r in [*seen, *live]),
        "damaged_packets": sum(r.damaged for r in [*seen, *live]),
        "readers_closed": sum(bool(r.closed) for r in [*seen, *live]),
        "generator_overruns": crowd.drops() + overruns,
        "ingest_drops": udp_drops(ingest_ports) - dropped_before,
    }


def _answers(sorted_ms: Sequence[float]) -> Figures:
    """How long a bystander's answers took; nothing where it got none."""
    if not sorted_ms:
        return {}
    return {
        "bystander_p99_ms": sorted_ms[int(len(sorted_ms) * 0.99)],
        "bystander_max_ms": sorted_ms[-1],
    }


class _Bystander:
    """One more connection, which was there, and was answered, seconds before the crowd comes.

    Attributes:
        lost: why it got no answer any more; "" where it got all.
    """

    def __init__(self, url: str) -> None:
        self.lost = ""
        self._url = url
        self._connection = RtspConnection(url)
        self._ask()

    @contextmanager
    def asking(self) -> Iterator[list[float]]:
        """Ask again and again meanwhile; yields how long the answers took."""
        took_ms: list[float] = []
        over = threading.Event()

        def ask() -> None:
            while not over.wait(BYSTANDER_EVERY_S):
                try:
                    took_ms.append(self._ask())
                except RtspError as error:
                    self.lost = str(error)
                    return

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield took_ms
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        """Go."""
        self._connection.close()

    def _ask(self) -> float:
        asked_s = time.monotonic()
        self._connection.request("OPTIONS", self._url)
        return (time.monotonic() - asked_s) * 1e3


def _steady(server: Server, window: Window, fleet: Fleet) -> float:
    """µs of the server's processor time for each packet, now that all of them are live."""
    received_before = fleet.library.load_received(fleet.load)
    cost = Cost(server, window)
    fleet.run_for(LIVE_WINDOW_S)
    delivered = fleet.library.load_received(fleet.load) - received_before
    return float(cost.figures()["server_cpu_s"]) * 1e6 / max(1.0, float(delivered))
