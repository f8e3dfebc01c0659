"""The page of the documentation: what was promised, what was measured, how to repeat it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bare_relay import NAME as BARE_RELAY
from bench.picture import draw
from bench.report import METHOD, scenario_tables

Row = dict[str, Any]

OWN = "headwater"
OTHER = "node"
OTHER_NAME = "rtsp-streaming-server"

BY_HAND = "<!-- measured by hand: what is below is kept when the page is written anew -->\n"

HEAD = """\
# Benchmarks

Written by `python -m bench --docs docs/benchmarks.md`; `bench/README.md` says how to read the
columns. Ratios are the point: the figures themselves are those of one machine, and only what was
taken in one run is compared.
"""

REPEAT = """\
## How to repeat it

Linux with two CPUs or more, a C compiler, `taskset`; the programs of the other servers, and Node.js
and npm for rtsp-streaming-server.

```sh
make bench PEERS="mediamtx=PATH go2rtc=PATH zlmediakit=PATH" ARGS="--docs docs/benchmarks.md"
make bench ARGS="--peer headwater,node --repeat 3"                  # beside rtsp-streaming-server
make bench                                                          # this server alone
make bench ARGS="--quick"                                           # the main steps, short windows
make bench ARGS="--scenario one-to-many --step '400 UDP'"           # one step
```

Any other server can stand beside it by its command line and two URLs (`bench/README.md`).
`--reuse` writes the page anew from the results of the last run. On a busy machine take the run
again: `others on server's CPU` should be a few percent.
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that is to hold, and how it is read off the results."""

    text: str
    measure: "Measure"
    form: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:,g}"
        return f"at least {self.at_least:,g}"

    def kept(self, value: float) -> bool:
        """Whether a measured value keeps it."""
        return not (
            (self.at_most is not None and value > self.at_most)
            or (self.at_least is not None and value < self.at_least)
        )


class Results:
    """The steps by server and name."""

    def __init__(self, results: dict[str, Any]) -> None:
        self.all = results
        self._figures: dict[tuple[str, str], dict[str, Any]] = {
            (row["peer"], row["step"]): row["figures"] for row in results["steps"]
        }

    def own(self, step: str, figure: str) -> float | None:
        """A figure of this server."""
        return self._figures.get((OWN, step), {}).get(figure)

    def other(self, step: str, figure: str) -> float | None:
        """A figure of the server beside it."""
        return self._figures.get((OTHER, step), {}).get(figure)

    def floor(self, step: str, figure: str) -> float | None:
        """A figure of the program in C that does nothing but relay."""
        return self._figures.get((BARE_RELAY, step), {}).get(figure)

    def other_best(self, figure: str) -> float | None:
        """The other server's lowest figure among the steps in which it lost nothing to speak of."""
        values = [
            figures[figure]
            for (peer, _), figures in self._figures.items()
            if peer == OTHER and figures.get(figure) and figures.get("lost_percent", 100.0) < 0.1
        ]
        return min(values, default=None)


Measure = Callable[[Results], float | None]


def _own(step: str, figure: str) -> Measure:
    return lambda results: results.own(step, figure)


def _of_other_at_best(step: str, figure: str) -> Measure:
    return lambda results: _ratio(results.own(step, figure), results.other_best(figure))


def _of_other_at(step: str, other_step: str, figure: str) -> Measure:
    return lambda results: _ratio(results.own(step, figure), results.other(other_step, figure))


def _of_floor(step: str, figure: str) -> Measure:
    return lambda results: _ratio(results.own(step, figure), results.floor(step, figure))


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _fan_out_promises() -> Iterator[Promise]:
    for word, of_bare, of_relay in (("UDP", 2.5, 1.10), ("TCP", 1.75, 1.15)):
        for readers in (400, 1000):
            step = f"{readers} {word} readers at 4 Mb/s"
            yield Promise(f"{step}: lost %", _own(step, "lost_percent"), ".3f", at_most=0.0)
            yield Promise(
                f"{step}: CPU per packet, of the bare UDP loop",
                _own(step, "of_bare_loop"),
                ".2f",
                at_most=of_bare,
            )
            yield Promise(
                f"{step}: CPU per packet, of a bare relay in C",
                _of_floor(step, "us_per_packet"),
                ".2f",
                at_most=of_relay,
            )
            if word == "UDP":
                yield Promise(
                    f"{step}: CPU per packet, of {OTHER_NAME}'s at its best load",
                    _of_other_at_best(step, "us_per_packet"),
                    ".2f",
                    at_most=0.25,
                )


def _session_promises() -> Iterator[Promise]:
    for word in ("UDP", "TCP"):
        yield Promise(
            f"sessions set up and torn down a second, over {word}",
            _own(f"sessions per second over {word}", "sessions_per_s"),
            ",.0f",
            at_least=1000.0,
        )
        yield Promise(
            f"CPU of a session set up and torn down over {word}, ms",
            _own(f"sessions per second over {word}", "ms_cpu_per_session"),
            ".2f",
            at_most=0.4,
        )
        yield Promise(
            f"PLAY to first whole key frame over {word}, GOP of 4 s: the slowest, ms",
            _own(f"PLAY to first key frame over {word}, 4 s GOP", "first_frame_max_ms"),
            ".1f",
            at_most=200.0,
        )


def _many_cameras_promises() -> Iterator[Promise]:
    step = "200 UDP cameras, 1 UDP reader each, 2 Mb/s"
    yield Promise(f"{step}: MB", _own(step, "rss_mb"), ".0f", at_most=120.0)
    yield Promise(f"{step}: CPU per packet, µs", _own(step, "us_per_packet"), ".2f", at_most=7.0)


def _storm_promises() -> Iterator[Promise]:
    """What readers that are live notice of a crowd: little."""
    for word in ("UDP", "TCP"):
        step = f"1000 {word} readers join 1.0 s behind a key frame, 2 s GOP at 4 Mb/s, 200 live"
        text = f"1,000 {word} readers join beside 200 live ones"
        yield Promise(
            f"{text}: p99 of these, of their usual",
            lambda results, step=step: _ratio(  # type: ignore[misc]
                results.own(step, "storm_p99_ms"), results.own(step, "usual_p99_ms")
            ),
            ".1f",
            at_most=2.0,
        )
        yield Promise(f"{text}: packets they lost", _own(step, "lost_packets"), ".0f", at_most=0.0)
        yield Promise(
            f"{text}: slowest 1 % of answers to one who was there before, ms",
            _own(step, "bystander_p99_ms"),
            ".0f",
            at_most=100.0,
        )


PROMISES: tuple[Promise, ...] = (
    *_fan_out_promises(),
    Promise(
        f"p99 latency with 400 UDP readers, of {OTHER_NAME}'s with 200",
        _of_other_at("400 UDP readers at 4 Mb/s", "200 UDP readers at 4 Mb/s", "latency_p99_ms"),
        ".2f",
        at_most=0.5,
    ),
    Promise("1,000 UDP readers: MB", _own("1000 UDP readers at 4 Mb/s", "rss_mb"), ".1f", 45.0),
    Promise("1,000 TCP readers: MB", _own("1000 TCP readers at 4 Mb/s", "rss_mb"), ".1f", 47.0),
    *_many_cameras_promises(),
    *_session_promises(),
    *_storm_promises(),
)


def _promised(results: Results) -> list[str]:
    lines = ["| promised | bound | measured | |", "|---|---|---:|---|"]
    for promise in PROMISES:
        value = promise.measure(results)
        if value is None:
            continue
        verdict = "kept" if promise.kept(value) else "**missed**"
        measured = format(value, promise.form)
        lines.append(f"| {promise.text} | {promise.bound} | {measured} | {verdict} |")
    return lines


def _machine(results: dict[str, Any]) -> list[str]:
    lines = [f"- {name.replace('_', ' ')}: {text}" for name, text in results["machine"].items()]
    for key, word in (("bare_loop", "before"), ("bare_loop_after", "after")):
        if key in results:
            udp, tcp = results[key]["udp"]["us"], results[key]["tcp"]["us"]
            lines.append(
                f"- bare loop {word} the run: {udp:.2f} µs per packet over UDP, {tcp:.2f} over TCP"
            )
    return lines


def page(results: dict[str, Any], picture: str | None) -> str:
    """The whole page; `picture` is the name of a file beside it."""
    parts = [HEAD, "## What was promised, and what came of it\n", *_promised(Results(results)), ""]
    if picture is not None:
        parts += [f"![cost, latency and loss over the number of readers]({picture})", ""]
    parts += ["## Machine\n", *_machine(results), "", "## Method\n"]
    parts += [METHOD.format(**results["machine"]), "", REPEAT, "## Tables"]
    return "\n".join([*parts, *scenario_tables(results, heading="###")]) + "\n"


def part_by_hand(path: Path) -> str:
    """The end of a page that stands already, which no run of the benchmark measures."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    _, mark, kept = before.partition(BY_HAND)
    return f"\n{mark}{kept}" if mark else ""


def write_page(results: dict[str, Any], path: Path) -> list[Path]:
    """Write the page and its picture beside it; returns what was written."""
    picture = path.with_suffix(".svg")
    drawn = draw(results, (picture,))
    text = page(results, picture.name if drawn else None)
    path.write_text(text + part_by_hand(path), encoding="utf-8")
    return [path, *drawn]
