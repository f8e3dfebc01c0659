"""What a server may hold while it is fuzzed, and what it must have given back when all are gone."""

from __future__ import annotations

Facts = dict[str, float]

LONGEST_WAIT_S = 15.0
"""Of anything in a queue: the settings allow 6 s, and 2 s to close; busy machines need more."""
MOST_RSS_KIB = 96 * 1024
MOST_UNREAD_BYTES = 64 * 1024
"""Of one connection: 32 KiB, and the answer that passed it."""
GIVEN_BACK = (
    *("mounts", "sessions", "udp_pairs", "connections", "tasks", "descriptors", "reservations"),
    *("description_bytes", "cache_bytes", "unread_bytes", "answer_queue_bytes"),
    *("reader_queue_bytes",),
)
"""What must be as it was before the first peer came."""
FAILURES = ("request_failures", "connection_failures")


def excess(facts: Facts) -> list[str]:
    """What is beyond its bound while peers do what they like."""
    bounds = {
        "oldest_queued_s": LONGEST_WAIT_S,
        "peak_rss_kib": MOST_RSS_KIB,
        "most_unread_bytes": MOST_UNREAD_BYTES,
        # Each connection may pass the bound of all by what its last answer or batch was.
        "answer_queue_bytes": facts["answer_queue_most_bytes"]
        + facts["connections"] * MOST_UNREAD_BYTES,
    }
    found = [
        f"{name} is {facts[name]}, the most is {most}"
        for name, most in bounds.items()
        if facts[name] > most
    ]
    return found + _failures(facts)


def kept(before: Facts, after: Facts) -> list[str]:
    """What was not given back once all were gone; a count below nothing is one that is wrong."""
    found = [
        f"{name} is {after[name]} when all are gone, was {before[name]}"
        for name in GIVEN_BACK
        if after[name] > before[name] or after[name] < 0
    ]
    return found + _failures(after)


def _failures(facts: Facts) -> list[str]:
    return [f"{name} is {facts[name]}" for name in FAILURES if facts[name]]
