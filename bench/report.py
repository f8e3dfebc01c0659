"""Results as JSON and Markdown."""

import json
from pathlib import Path
from typing import Any

from bench.picture import draw

COLUMNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "stream": (
        ("µs CPU per packet", "us_per_packet", ".2f"),
        ("least to most", "us_per_packet_range", "s"),
        ("user", "us_per_packet_user", ".2f"),
        ("system", "us_per_packet_system", ".2f"),
        ("of bare loop", "of_bare_loop", ".2f"),
        ("packets/s", "delivered_per_s", ",.0f"),
        ("CPU %", "server_cpu_percent", ".0f"),
        ("lost %", "lost_percent", ".3f"),
        ("p50 ms", "latency_p50_ms", ".1f"),
        ("p99 ms", "latency_p99_ms", ".1f"),
        ("p99.9 ms", "latency_p999_ms", ".1f"),
        ("RSS MB", "rss_mb", ".1f"),
        ("KB per reader", "rss_per_reader_kb", ".1f"),
        ("load's own overruns", "generator_overruns", ",d"),
        ("load CPU %", "load_own_cpu_percent", ".0f"),
        ("others on server's CPU %", "others_cpu_percent", ".0f"),
    ),
    "slow": (
        ("µs CPU per packet", "us_per_packet", ".2f"),
        ("healthy TCP p50 ms", "tcp_latency_p50_ms", ".1f"),
        ("p99 ms", "tcp_latency_p99_ms", ".1f"),
        ("p99.9 ms", "tcp_latency_p999_ms", ".1f"),
        ("healthy UDP p50 ms", "udp_latency_p50_ms", ".1f"),
        ("p99 ms", "udp_latency_p99_ms", ".1f"),
        ("p99.9 ms", "udp_latency_p999_ms", ".1f"),
        ("lost % of the healthy", "lost_percent", ".3f"),
        ("RSS MB", "rss_mb", ".1f"),
    ),
    "churn": (
        ("sessions/s", "sessions_per_s", ",.0f"),
        ("ms CPU per session", "ms_cpu_per_session", ".3f"),
        ("CPU %", "server_cpu_percent", ".0f"),
        ("p50 ms", "session_p50_ms", ".1f"),
        ("p99 ms", "session_p99_ms", ".1f"),
        ("connect, DESCRIBE p50 ms", "describe_p50_ms", ".1f"),
        ("SETUP p50 ms", "setup_p50_ms", ".1f"),
        ("PLAY p50 ms", "play_p50_ms", ".1f"),
        ("TEARDOWN p50 ms", "teardown_p50_ms", ".1f"),
        ("refused", "refused", ",d"),
        ("broken", "broken", ",d"),
        ("RSS growth MB", "rss_growth_mb", ".1f"),
    ),
    "storm": (
        ("all play s", "all_play_s", ".2f"),
        ("all live s", "all_live_s", ".2f"),
        ("PLAY to first packet max ms", "first_packet_max_ms", ".0f"),
        ("PLAY to first whole key frame median ms", "first_frame_median_ms", ".0f"),
        ("slowest ms", "first_frame_max_ms", ".0f"),
        ("joins without one", "joins_without_key_frame", "d"),
        ("answers to another p99 ms", "bystander_p99_ms", ".0f"),
        ("to the crowd p99 ms", "answer_p99_ms", ".0f"),
        ("ms CPU per reader", "ms_cpu_per_reader", ".2f"),
        ("kept s per reader", "kept_s_per_reader", ".2f"),
        ("µs CPU per live packet", "us_per_live_packet", ".2f"),
        ("CPU of a storm packet ÷ live packet", "of_live", ".2f"),
        ("live p99 ms before", "usual_p99_ms", ".1f"),
        ("in the storm", "storm_p99_ms", ".1f"),
        ("their lost packets", "lost_packets", ",d"),
        ("packets missing since the first", "packets_missing_since_first", ",d"),
        ("load's own overruns", "generator_overruns", ",d"),
        ("others on server's CPU %", "others_cpu_percent", ".0f"),
    ),
    "idle": (
        ("CPU %", "server_cpu_percent", ".2f"),
        ("µs CPU per session and second", "idle_us_per_session_s", ".1f"),
        ("RSS MB", "rss_mb", ".1f"),
        ("KB per session", "rss_per_reader_kb", ".1f"),
        ("set up in s", "set_up_s", ".2f"),
    ),
    "whep": (
        ("µs CPU per packet and viewer", "us_per_packet", ".2f"),
        ("least to most", "us_per_packet_range", "s"),
        ("of bare loop", "of_bare_loop", ".2f"),
        ("packets/s", "delivered_per_s", ",.0f"),
        ("CPU %", "server_cpu_percent", ".0f"),
        ("all set up s", "set_up_s", ".2f"),
        ("all play s", "all_play_s", ".2f"),
        ("ms CPU to set one up", "set_up_ms_cpu_per_viewer", ".2f"),
        ("lost %", "lost_percent", ".3f"),
        ("p50 ms", "latency_p50_ms", ".1f"),
        ("p99 ms", "latency_p99_ms", ".1f"),
        ("KB per viewer", "rss_per_reader_kb", ".0f"),
        ("load's own overruns", "generator_overruns", ",d"),
        ("others on server's CPU %", "others_cpu_percent", ".0f"),
    ),
    "mse": (
        ("µs CPU per frame and viewer", "us_per_packet", ".1f"),
        ("frames/s", "delivered_per_s", ",.0f"),
        ("CPU %", "server_cpu_percent", ".0f"),
        ("all set up s", "set_up_s", ".2f"),
        ("ms CPU to set one up", "set_up_ms_cpu_per_viewer", ".2f"),
        ("frames missed %", "lost_percent", ".3f"),
        ("p50 ms", "latency_p50_ms", ".1f"),
        ("p99 ms", "latency_p99_ms", ".1f"),
        ("KB per viewer", "rss_per_reader_kb", ".0f"),
        ("others on server's CPU %", "others_cpu_percent", ".0f"),
    ),
    "hls": (
        ("µs CPU per request", "us_per_packet", ".0f"),
        ("requests/s", "delivered_per_s", ",.0f"),
        ("µs CPU per viewer and second", "us_per_viewer_s", ",.0f"),
        ("CPU %", "server_cpu_percent", ".0f"),
        ("first part median ms", "first_part_median_ms", ".0f"),
        ("a part's first frame behind live p50 ms", "latency_p50_ms", ".0f"),
        ("p99 ms", "latency_p99_ms", ".0f"),
        ("KB per viewer", "rss_per_reader_kb", ".0f"),
        ("others on server's CPU %", "others_cpu_percent", ".0f"),
    ),
    "start": (
        ("joins", "joins", "d"),
        ("first packet median ms", "first_packet_median_ms", ".1f"),
        ("first whole key frame median ms", "first_frame_median_ms", ".1f"),
        ("slowest ms", "first_frame_max_ms", ".1f"),
        ("joins without one", "joins_without_key_frame", "d"),
        ("packets missing since the first", "packets_missing_since_first", "d"),
    ),
}
ODDITIES = (
    ("damaged_packets", "damaged packets"),
    ("repeated_packets", "repeated packets"),
    ("sequence_breaks", "breaks in RTP sequence numbers"),
    ("readers_closed", "readers closed by the server"),
    ("camera_errors", "sends refused to cameras"),
    ("ingest_drops", "datagrams dropped before the server read them"),
    ("first_refusal", "first refusal"),
    ("bystander_lost", "whoever was there before got no more answers"),
    ("loss_uncertain", "loss is a lower bound"),
)

METHOD = """\
Server on CPU {server_cpu}, load on CPU {load_cpu}, loopback. Cameras send a frame every 1/30 s as
one burst of 1,200-byte RTP packets (the last shorter), H.264 headers, a key frame every 2 s unless
said otherwise. Readers are whole RTSP sessions that report and keep alive. CPU per packet is all
the server's processor time, the kernel's loopback delivery included, over the packets that readers
received meanwhile. Latency is from the camera's send to the reader's receive.

The bare loop sends runs of 14 packets by `UDP_SEGMENT` to 500 unread sockets and does nothing else.
It runs right before and right after each run; `of bare loop` is the ratio to the mean of the two.
Runs of each step of one-to-many, many-to-few, churn, storm and of all for browsers:
{runs_of_each_step}, the servers in turn; of the others one. Figures are medians, `least to most` is
the range of the first; loss and all that went wrong are those of all runs together.

In this measurement the load's readers {readers_of_the_load}. Waking a sleeping process is work that
the kernel does in the sender's system call when both are on one machine, and that no server has
whose readers are elsewhere: polling keeps it out, `--sleeping-load` puts it in, for all servers."""


def _cell(figures: dict[str, Any], name: str, form: str) -> str:
    value = figures.get(name)
    return "–" if value is None else format(value, form)


def one_line(row: dict[str, Any]) -> str:
    """A row for the terminal."""
    figures = row["figures"]
    head = f"{row['peer']:>10}  {row['step']:<58}"
    for word in ("failed", "skipped"):
        if word in figures:
            return f"{head} {word}: {figures[word]}"
    columns = COLUMNS.get(row["scenario"], COLUMNS["stream"])
    parts = [f"{title} {_cell(figures, name, form)}" for title, name, form in columns]
    odd = [f"{title}: {figures[name]}" for name, title in ODDITIES if figures.get(name)]
    return f"{head} " + "; ".join([*parts, *odd])


def markdown(results: dict[str, Any]) -> str:
    """All results as tables, one per scenario."""
    machine = results["machine"]
    lines = ["# Benchmark results", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in machine.items()]
    for key, word in (("bare_loop", "before"), ("bare_loop_after", "after")):
        if key in results:
            udp, tcp = results[key]["udp"], results[key]["tcp"]
            lines.append(
                f"- bare loop {word}: {udp['us']:.2f} µs per packet over UDP, "
                f"{tcp['us']:.2f} over TCP"
            )
    lines += ["", METHOD.format(**machine), *scenario_tables(results, heading="##")]
    return "\n".join(lines) + "\n"


def scenario_tables(results: dict[str, Any], *, heading: str) -> list[str]:
    """The lines of one table for each scenario, with what was odd below it."""
    lines: list[str] = []
    rows = results["steps"]
    for scenario in dict.fromkeys(row["scenario"] for row in rows):
        columns = COLUMNS.get(scenario, COLUMNS["stream"])
        titles = ["step", "server", *(title for title, _, _ in columns)]
        lines += ["", f"{heading} {scenario}", "", f"| {' | '.join(titles)} |"]
        lines.append("|---|---|" + "---:|" * len(columns))
        notes = []
        for row in (row for row in rows if row["scenario"] == scenario):
            figures = row["figures"]
            reason = figures.get("failed") or figures.get("skipped")
            cells = (
                [reason, *[""] * (len(columns) - 1)]
                if reason
                else [_cell(figures, name, form) for _, name, form in columns]
            )
            lines.append(f"| {' | '.join([row['step'], row['peer'], *cells])} |")
            odd = [f"{title}: {figures[name]}" for name, title in ODDITIES if figures.get(name)]
            if odd:
                notes.append(f"- {row['peer']}, {row['step']}: {'; '.join(odd)}")
        if notes:
            lines += ["", *notes]
    return lines


def write_results(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write results.json, results.md and the picture; returns what was written."""
    paths = [folder / "results.json", folder / "results.md"]
    paths[0].write_text(json.dumps(results, indent=1) + "\n")
    paths[1].write_text(markdown(results))
    if "bare_loop_after" in results:
        paths += draw(results, [folder / f"results.{suffix}" for suffix in ("svg", "png")])
    return paths
