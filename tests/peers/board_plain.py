"""Boards as plain values, as they come by a socket."""

from __future__ import annotations

from typing import Any

from headwater.cli.top.seen import SeenBoard

TROUBLE = {
    "code": "no_sender_reports",
    "text": "no sender reports: sound may drift",
    "remedy": "have the encoder send RTCP",
}


def plain_card(path: str, **more: Any) -> dict[str, Any]:
    """A card that is live and well."""
    return {
        "path": path,
        "state": "live",
        "codecs": ["H264"],
        "has_pictures": True,
        "publisher": {
            "id": "p",
            "kind": "rtsp",
            "peer": "192.0.2.7:5000",
            "user": "ann",
            "user_agent": "encoder",
            "transport": "udp",
        },
        "source": None,
        "readers": 0,
        "since_s": 100.0,
        "bits_per_s": 1_000_000,
        "lost_share": 0.0,
        "lost_packets": 0,
        "missed_packets": 0,
        "key_frame_distance_s": 2.0,
        "troubles": [],
        **more,
    }


def seen_board(*cards: dict[str, Any], **server: Any) -> SeenBoard:
    """A board of these cards, twenty seconds after the first stream began."""
    told = {
        "version": "1",
        "state": "running",
        "clock_s": 120.0,
        "started_s": 0.0,
        "live": len(cards),
        "readers": 3,
        "bits_in_per_s": 2_000_000,
        "bits_out_per_s": 6_000_000,
        "connections": 4,
        "memory_bytes": 80_000_000,
        "workers": [],
        "troubles": [],
        **server,
    }
    return SeenBoard(120.0, told, cards)
