"""What frames cost, and how late they are: `python -m bench.frames`.

Needs PyAV and numpy, and the ffmpeg command for one of its readers. Everything runs on this machine
in real time; other work on it shows in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from headwater import FramePublisher, RtspServer
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.packetizer import Packetizer
from headwater.codecs.quirks import annex_b_units

SIZE = (1280, 720)
FPS = 25
BITS = 16
BLOCK = SIZE[0] // BITS
WARM_UP = 2 * FPS
PATH = "/out"
FILM_SIZE = (1920, 1080)
FILM_FPS = 30
CLOCK_RATE_HZ = 90_000
Place = Literal["thread", "process"]
SLOWER = 10
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=film\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
)


def main() -> int:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["latency", "slow", "cpu", []], default=[])
    parser.add_argument("--seconds", type=float, default=20.0, help="of latency, and of each run")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the slow consumer")
    parser.add_argument("--runs", type=int, default=3, help="of processor time; medians count")
    asked = parser.parse_args()
    for what in asked.what or ("latency", "slow", "cpu"):
        match what:
            case "latency":
                asyncio.run(measure_latency(asked.seconds))
            case "slow":
                asyncio.run(measure_slow(asked.minutes * 60))
            case _:
                asyncio.run(measure_cpu(asked.seconds, asked.runs))
    return 0


# -- how late frames are


@dataclass
class Given:
    """When each numbered picture was put."""

    times_s: dict[int, float] = field(default_factory=dict)

    async def put_all(self, out: FramePublisher, seconds: float) -> None:
        """Put a picture each 25th of a second."""
        began_s = time.monotonic()
        for number in range(round(seconds * FPS)):
            await asyncio.sleep(max(0.0, began_s + number / FPS - time.monotonic()))
            picture = drawn(number)
            self.times_s[number & 0xFFFF] = time.monotonic()
            await out.put(picture)

    def age_s(self, luma: NDArray[np.uint8], seen_s: float) -> float | None:
        """How long before it was seen a picture was put; None while all warms up."""
        number = number_of(luma)
        put_s = self.times_s.get(number)
        return None if put_s is None or number < WARM_UP else seen_s - put_s


def drawn(number: int) -> NDArray[np.uint8]:
    """A picture with its number in black and white, over stripes that move."""
    picture = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:] = (np.arange(SIZE[0], dtype=np.int64)[None, :, None] + number * 4) % 200
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8)
    picture[: SIZE[1] // 4] = np.repeat(bits * 255, BLOCK)[None, :, None]
    return picture


def number_of(luma: NDArray[np.uint8]) -> int:
    """The number that a picture shows."""
    row = luma[SIZE[1] // 8, BLOCK // 2 :: BLOCK]
    return sum(1 << bit for bit, level in enumerate(row) if level > 127)


async def measure_latency(seconds: float) -> None:
    """From `put` to frames of the mount, to frames of another server, and to ffmpeg."""
    given = Given()
    async with server() as first, server() as second:
        out = first.publish_frames(PATH, size=SIZE, fps=FPS)
        async with out:
            await second.add_source(PATH, first.play_url(PATH), transport="tcp")
            rows: dict[str, list[float]] = {}
            readers: list[Coroutine[Any, Any, None]] = [
                read_frames(first, given, rows.setdefault("frames() of the mount", [])),
                read_frames(
                    first, given, rows.setdefault("the same, decoded in a process", []), "process"
                ),
                read_frames(second, given, rows.setdefault("frames() of another server", [])),
            ]
            if shutil.which("ffmpeg"):
                ages = rows.setdefault("ffmpeg, another process", [])
                readers.append(read_ffmpeg(first.play_url(PATH), given, ages))
            tasks = [asyncio.create_task(reader) for reader in readers]
            await given.put_all(out, seconds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            size = f"{SIZE[0]}x{SIZE[1]} at {FPS} a second, {out.encoder}"
            for name, ages in rows.items():
                told = (
                    f"median {ms(statistics.median(ages))} ms, p99 {ms(percentile(ages, 0.99))} ms"
                )
                print(f"| from `put` to {name} ({size}; {len(ages)} pictures) | {told} |")
            print(f"passed over: {out.passed_over}")


async def read_frames(
    server: RtspServer, given: Given, ages: list[float], decode_in: Place = "thread"
) -> None:
    """Note how late each frame of a server is."""
    async with server.frames(
        PATH, mode="every", queue=FPS, timeout_s=None, decode_in=decode_in
    ) as frames:
        async for frame in frames:
            seen_s = time.monotonic()
            if (age_s := given.age_s(frame.gray(), seen_s)) is not None:
                ages.append(age_s)


async def read_ffmpeg(url: str, given: Given, ages: list[float]) -> None:
    """Note how late each picture is that the ffmpeg command writes to its output."""
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-fflags", "nobuffer"),
        *("-flags", "low_delay", "-probesize", "32", "-analyzeduration", "0", "-i", url),
        *("-fps_mode", "vfr", "-pix_fmt", "gray", "-f", "rawvideo", "-flush_packets", "1"),
        "-",
        stdout=asyncio.subprocess.PIPE,
        limit=4 * SIZE[0] * SIZE[1],
    )
    assert process.stdout is not None
    try:
        while True:
            luma = await process.stdout.readexactly(SIZE[0] * SIZE[1])
            seen_s = time.monotonic()
            picture = np.frombuffer(luma, np.uint8).reshape(SIZE[1], SIZE[0])
            if (age_s := given.age_s(picture, seen_s)) is not None:
                ages.append(age_s)
    finally:
        process.kill()
        await process.wait()


async def measure_slow(seconds: float) -> None:
    """How old what `latest` gives is, to a consumer that is ten times too slow."""
    given = Given()
    ages: list[float] = []
    encoding: list[float] = []
    kib: list[int] = []

    async def consume(running: RtspServer) -> None:
        async with running.frames(PATH, format="bgr24", timeout_s=None) as frames:
            async for frame in frames:
                seen_s = time.monotonic()
                if (age_s := given.age_s(frame.gray(), seen_s)) is not None:
                    ages.append(age_s)
                    # What is left of it after its packets have come is the decoder's.
                    encoding.append(age_s - (seen_s - frame.arrived_s))
                frame.array()
                kib.append(resident_kib())
                await asyncio.sleep(SLOWER / FPS)

    async with server() as running, running.publish_frames(PATH, size=SIZE, fps=FPS) as out:
        task = asyncio.create_task(consume(running))
        await given.put_all(out, seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    tenth = max(1, len(kib) // 10)
    begin, end = (statistics.median(part) / 1024 for part in (kib[tenth : 2 * tenth], kib[-tenth:]))
    # As a row of the page on frames.
    print(
        f"| `latest` with a consumer {SLOWER} times too slow, {seconds / 60:g} minutes,"
        f" {len(ages)} frames taken"
        f" | frame times behind: {frame_times(ages)}; of that before its packets were there:"
        f" {frame_times(encoding)}; memory {begin:.0f} MiB in the second tenth,"
        f" {end:.0f} MiB in the last |"
    )


# -- what frames cost


async def measure_cpu(seconds: float, runs: int) -> None:
    """Processor time of decoding and converting, beside a bare loop of PyAV, in the same rounds."""
    units = film(round(seconds * FILM_FPS))
    measured: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, run in (
            ("bare PyAV loop", bare_loop),
            ("frames(), one consumer", lambda units: through_server(units, 1)),
            ("frames(), ten consumers", lambda units: through_server(units, 10)),
            ("frames(), in a process", lambda units: through_server(units, 1, "process")),
        ):
            spent_s = await run(units)
            measured.setdefault(name, []).append(spent_s * 1e3 / len(units))
    film_kind = f"{FILM_SIZE[0]}x{FILM_SIZE[1]} at {FILM_FPS} a second to bgr24"
    bare = statistics.median(measured["bare PyAV loop"])
    for name, each in measured.items():
        middle = statistics.median(each)
        spread = f"{min(each):.2f} to {max(each):.2f}"
        told = f"{middle:.2f} ms ({spread}), {middle / bare:.2f} of the bare loop"
        print(f"| processor time of a picture, {film_kind}: {name} | {told} |")


def film(count: int) -> list[bytes]:
    """Access units of a film with movement and grain."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = FILM_SIZE
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, FILM_FPS)
    encoder.bit_rate, encoder.gop_size, encoder.max_b_frames = 6_000_000, 2 * FILM_FPS, 0
    encoder.options = {"preset": "veryfast", "tune": "zerolatency"}
    grain = np.random.default_rng(1).integers(60, 190, (FILM_SIZE[1] * 3 // 2, FILM_SIZE[0]))
    soft = np.cumsum(grain, axis=1)
    soft = ((soft[:, 16:] - soft[:, :-16]) // 16).astype(np.uint8)
    soft = np.pad(soft, ((0, 0), (0, 16)), mode="edge")
    units = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.roll(soft, 3 * number, axis=1), format="yuv420p")
        frame.pts = number
        units += [bytes(packet) for packet in encoder.encode(frame)]
    return units


async def paced(count: int, step: Callable[[int], None]) -> None:
    """Do a step for each picture in its time."""
    began_s = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, began_s + number / FILM_FPS - time.monotonic()))
        step(number)


async def bare_loop(units: Sequence[bytes]) -> float:
    """Decode and convert as a program does that has the access units."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_type, decoder.thread_count = "NONE", 1

    def step(number: int) -> None:
        for frame in decoder.decode(av.Packet(units[number])):
            frame.to_ndarray(format="bgr24")

    began_s = time.process_time()
    await paced(len(units), step)
    return time.process_time() - began_s


async def through_server(
    units: Sequence[bytes], consumers: int, decode_in: Place = "thread"
) -> float:
    """Publish the film in packets, and take every frame of it."""
    packetizer = Packetizer(h264_payloads, payload_type=96, ssrc=1)
    step_units = CLOCK_RATE_HZ // FILM_FPS
    packets = [
        packetizer.packets(AccessUnit(number * step_units, tuple(annex_b_units(unit))))
        for number, unit in enumerate(units)
    ]
    taken = [0] * consumers

    async def consume(running: RtspServer, index: int) -> None:
        frames = running.frames(
            PATH,
            mode="every",
            queue=FILM_FPS,
            format="bgr24",
            timeout_s=None,
            decode_in=decode_in,
        )
        async for frame in frames:
            frame.array()
            taken[index] += 1

    async with server() as running:
        publisher = running.publish(PATH, SDP)
        tasks = [asyncio.create_task(consume(running, index)) for index in range(consumers)]
        while not running.mounts[PATH].readers:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        publisher.publish(0, packets[0])
        while not min(taken):  # noqa: ASYNC110 - so that no start is counted
            await asyncio.sleep(0.01)
        began_s = time.process_time() + children_s()
        await paced(len(packets) - 1, lambda number: publisher.publish(0, packets[number + 1]))
        spent_s = time.process_time() + children_s() - began_s
        decoders = len(running._running.decodings.running)  # noqa: SLF001
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert decoders == 1, f"{decoders} decoders for one mount"
    assert min(taken) > 0.95 * len(packets), f"frames were passed over: {taken} of {len(packets)}"
    return spent_s


# -- what both need


@asynccontextmanager
async def server() -> AsyncIterator[RtspServer]:
    """A server on free ports of this machine."""
    async with RtspServer(host="127.0.0.1", publish_port=0) as running:
        yield running


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so many of them are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def frame_times(ages: Sequence[float]) -> str:
    """How late frames are, as parts of the time from one to the next."""
    behind = [age_s * FPS for age_s in ages]
    middle, late = statistics.median(behind), percentile(behind, 0.99)
    return f"median {middle:.2f}, p99 {late:.2f}, at most {max(behind):.2f}"


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def children_s() -> float:
    """Processor time of the processes that this one has started, and that still run; Linux."""
    spent_s = 0.0
    for listed in Path("/proc/self/task").glob("*/children"):
        for child in listed.read_text(encoding="ascii").split():
            fields = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2]
            user, system = fields.split()[11:13]
            spent_s += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return spent_s


def resident_kib() -> int:
    """Memory of this process; Linux tells."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


if __name__ == "__main__":
    raise SystemExit(main())
