"""Viewers by WHEP, MSE and HLS: what each costs, what they lose, and how late they are."""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from bench.accounting import resident_bytes
from bench.browsers import mse_viewer
from bench.browsers.hls_viewer import HlsViewer
from bench.browsers.http_client import HttpClient
from bench.browsers.stamp import wall_ahead_ns
from bench.browsers.whep_viewer import CHECK_EVERY_S, REPORT_EVERY_S, WhepViewer
from bench.client_ports import receive_drops
from bench.fleet import TCP_GROUP, UDP_GROUP, Fleet
from bench.native import OVER_SRTP, OVER_WEBSOCKET
from bench.peers import Server
from bench.stage import Cost, Figures, Window, start_cameras
from bench.steps import Kind, Step

WITNESSES = 4
WARM_UP_S = 2.5
ASKED = ("", "/about", "/snapshot-of-nothing", "/whep")
"""What is asked for beside readers by RTSP: a page, what it asks next, and two that are refused."""

_ASKED_OF_API = ("server", "mounts", "sessions?limit=100", "readers?limit=10", "health")
OF_API = (*(f"/v1/{address}" for address in _ASKED_OF_API * 20), "/metrics")
"""100 requests of the API, and a scrape."""


def browsers(step: Step, server: Server, window: Window) -> Figures:
    """Measure one step of viewers; raises RuntimeError where the server lets them not in."""
    with Fleet(step.viewers, 1, window.polls) as fleet:
        mount = start_cameras(fleet, step, server)[0]
        # What is kept for those who begin is a group old at least.
        fleet.run_for(step.picture.gop_s)
        empty_bytes = resident_bytes(server.pids())
        match step.kind:
            case Kind.WHEP:
                crowd: _Whep | _Mse | _Hls = _Whep(
                    fleet, server.web_url(server.web.whep_url, mount)
                )
            case Kind.MSE:
                crowd = _Mse(fleet, server.web_url(server.web.mse_url, mount))
            case _:
                crowd = _Hls(server.web_url(server.web.hls_url, mount))
        figures = asyncio.run(_measured(step, server, window, crowd))
        resident = float(figures["rss_mb"]) * 1e6
        figures["rss_per_reader_kb"] = (resident - empty_bytes) / 1e3 / step.viewers
        camera = fleet.camera_counters(0)
        figures["camera_errors"] = camera.errors
        figures["camera_late_ms_max"] = camera.late_ns_max / 1e6
        return figures


async def _measured(
    step: Step, server: Server, window: Window, crowd: "_Whep | _Mse | _Hls"
) -> Figures:
    setting_up = Cost(server, window)
    began_ns = time.monotonic_ns()
    await crowd.enter(step.viewers)
    set_up_s = (time.monotonic_ns() - began_ns) / 1e9
    set_up = setting_up.figures()
    living = [asyncio.create_task(work) for work in crowd.works()]
    await asyncio.sleep(WARM_UP_S)
    all_play_s = (crowd.last_began_ns() - began_ns) / 1e9
    crowd.open_window(window.seconds)
    before = crowd.taken()
    cost = Cost(server, window)
    await asyncio.sleep(window.seconds)
    figures = cost.figures()
    taken = crowd.taken() - before
    spent_us = float(figures["server_cpu_s"]) * 1e6
    figures |= {
        "delivered_packets": taken,
        "delivered_per_s": taken / float(figures["window_s"]),
        "us_per_packet": spent_us / taken if taken else 0.0,
        "us_per_viewer_s": spent_us / float(figures["window_s"]) / step.viewers,
        "set_up_s": set_up_s,
        "set_up_ms_cpu_per_viewer": float(set_up["server_cpu_s"]) * 1e3 / step.viewers,
        "all_play_s": all_play_s,
        "rss_mb": resident_bytes(server.pids()) / 1e6,
    }
    await asyncio.sleep(0.3)
    figures |= crowd.seen()
    for task in living:
        task.cancel()
    await asyncio.gather(*living, return_exceptions=True)
    crowd.leave()
    return figures


class _Whep:
    """Viewers by WHEP: the first few are witnesses, the others are counted by C."""

    def __init__(self, fleet: Fleet, url: str) -> None:
        self._fleet = fleet
        self._url = url
        self._viewers: list[WhepViewer] = []

    async def enter(self, count: int) -> None:
        self._viewers = [WhepViewer(self._url) for _ in range(count)]
        ahead_ns = wall_ahead_ns()
        await asyncio.gather(
            *(
                self._connect(viewer, ahead_ns, witness=number < WITNESSES)
                for number, viewer in enumerate(self._viewers)
            )
        )

    async def _connect(self, viewer: WhepViewer, ahead_ns: int, *, witness: bool) -> None:
        await viewer.connect()
        if witness:
            viewer.witness(asyncio.get_running_loop(), ahead_ns)
        else:
            fleet = self._fleet
            viewer.index = fleet.library.load_add_reader(
                fleet.load, viewer.sock.fileno(), -1, OVER_SRTP, UDP_GROUP, 0, 0
            )

    def works(self) -> Iterable["asyncio._CoroutineLike[None]"]:
        yield self._again(CHECK_EVERY_S, WhepViewer.check)
        yield self._again(REPORT_EVERY_S, WhepViewer.report)

    async def _again(self, every_s: float, act: "object") -> None:
        assert callable(act)
        while True:
            for viewer in self._viewers:
                act(viewer)
                await asyncio.sleep(every_s / len(self._viewers))

    def last_began_ns(self) -> int:
        counters = [self._fleet.readers[v.index] for v in self._viewers if v.index >= 0]
        began = [c.first_packet_ns for c in counters]
        return _last_of([*began, *(v.first_packet_ns for v in self._viewers if v.index < 0)])

    def open_window(self, seconds: float) -> None:
        self._fleet.measure_from(seconds)
        self._missing = self._missed()
        for viewer in self._viewers:
            viewer.drops_before = receive_drops(viewer.sock)
            viewer.late_us.clear()

    def taken(self) -> int:
        witnessed = sum(viewer.received for viewer in self._viewers)
        return int(self._fleet.library.load_received(self._fleet.load)) + witnessed

    def _missed(self) -> int:
        counted = sum(self._fleet.readers[v.index].missing for v in self._viewers if v.index >= 0)
        return int(counted) + sum(v.missing for v in self._viewers)

    def seen(self) -> Figures:
        overruns = sum(receive_drops(v.sock) - v.drops_before for v in self._viewers)
        late_us = [late for viewer in self._viewers for late in viewer.late_us]
        return {
            **_loss(max(0, self._missed() - self._missing - overruns), self.taken()),
            "generator_overruns": overruns,
            "readers_closed": sum(viewer.closed for viewer in self._viewers),
            **_latency(late_us),
        }

    def leave(self) -> None:
        for viewer in self._viewers:
            if viewer.index < 0:
                asyncio.get_running_loop().remove_reader(viewer.sock)
            viewer.sock.close()


class _Mse:
    """Viewers by MSE, all counted by C: what they get is in clear."""

    def __init__(self, fleet: Fleet, url: str) -> None:
        self._fleet = fleet
        self._url = url
        self._indexes: list[int] = []

    async def enter(self, count: int) -> None:
        socks = await asyncio.gather(*(mse_viewer.watch(self._url) for _ in range(count)))
        fleet, self._socks = self._fleet, socks
        for sock in socks:
            self._indexes.append(
                fleet.library.load_add_reader(
                    fleet.load, sock.fileno(), -1, OVER_WEBSOCKET, TCP_GROUP, 0, 0
                )
            )

    def works(self) -> Iterable["asyncio._CoroutineLike[None]"]:
        return ()

    def last_began_ns(self) -> int:
        return _last_of([self._fleet.readers[index].first_packet_ns for index in self._indexes])

    def open_window(self, seconds: float) -> None:
        self._fleet.measure_from(seconds)
        self._missing = self._missed()

    def taken(self) -> int:
        return int(self._fleet.library.load_received(self._fleet.load))

    def _missed(self) -> int:
        return sum(int(self._fleet.readers[index].missing) for index in self._indexes)

    def seen(self) -> Figures:
        readers = [self._fleet.readers[index] for index in self._indexes]
        shares = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0))
        return {
            **_loss(self._missed() - self._missing, self.taken()),
            "damaged_packets": sum(reader.damaged for reader in readers),
            "readers_closed": sum(bool(reader.closed) for reader in readers),
            **{
                f"latency_{word}_ms": self._fleet.latency_ms((TCP_GROUP,), share)
                for word, share in shares
            },
        }

    def leave(self) -> None:
        for sock in self._socks:
            sock.close()


class _Hls:
    """Players of low-latency HLS."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._viewers: list[HlsViewer] = []

    async def enter(self, count: int) -> None:
        self._viewers = [HlsViewer(self._url) for _ in range(count)]
        await asyncio.gather(*(viewer.begin() for viewer in self._viewers))
        self._began_ns = time.monotonic_ns()

    def works(self) -> Iterable["asyncio._CoroutineLike[None]"]:
        return [viewer.follow() for viewer in self._viewers]

    def last_began_ns(self) -> int:
        return self._began_ns

    def open_window(self, _seconds: float) -> None:
        self._parts = sum(viewer.parts for viewer in self._viewers)
        for viewer in self._viewers:
            viewer.late_us.clear()
            viewer.missing = 0

    def taken(self) -> int:
        return sum(viewer.requests for viewer in self._viewers)

    def seen(self) -> Figures:
        failures = [viewer.failed for viewer in self._viewers if viewer.failed]
        figures: Figures = {
            **_loss(sum(viewer.missing for viewer in self._viewers), self.taken()),
            "parts": sum(viewer.parts for viewer in self._viewers) - self._parts,
            "first_part_median_ms": 1e3 * statistics.median(v.first_part_s for v in self._viewers),
            "readers_closed": len(failures),
            **_latency([late for viewer in self._viewers for late in viewer.late_us]),
        }
        if failures:
            figures["first_refusal"] = failures[0]
        return figures

    def leave(self) -> None:
        for viewer in self._viewers:
            viewer.close()


def _last_of(began_ns: Sequence[int]) -> int:
    """Return when the last viewer got its first packet. Raises RuntimeError where one got none."""
    if not all(began_ns):
        raise RuntimeError(f"{began_ns.count(0)} of {len(began_ns)} viewers got nothing")
    return int(max(began_ns))


def _loss(lost: int, taken: int) -> Figures:
    expected = lost + taken
    return {
        "expected_packets": expected,
        "lost_packets": lost,
        "lost_percent": 100 * lost / expected if expected else 0.0,
    }


def _latency(late_us: Sequence[int]) -> Figures:
    if not late_us:
        return {}
    ordered = sorted(late_us)
    shares = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0))
    return {
        f"latency_{word}_ms": ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e3
        for word, share in shares
    }


@contextmanager
def asked_meanwhile(page: str, per_s: int, *, asks_api: bool = False) -> Iterator[list[int]]:
    """Ask so often by HTTP from another thread; yields the statuses that came back."""
    begin, asked = (page.rpartition("/")[0], OF_API) if asks_api else (page, ASKED)
    statuses: list[int] = []
    over = threading.Event()

    async def ask() -> None:
        client = await HttpClient.connect(page)
        due_s = time.monotonic()
        number = 0
        headers = {"Accept": "text/html", "Host": urlsplit(page).netloc}
        while True:
            number += 1
            answer = await client.ask("GET", begin + asked[number % len(asked)], headers)
            statuses.append(answer.status)
            if over.is_set():
                break
            due_s += 1 / per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        client.close()

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    if per_s:
        thread.start()
    try:
        yield statuses
    finally:
        over.set()
        if per_s:
            thread.join()
