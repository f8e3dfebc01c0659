"""What worked last with a URL is known, of the URLs that were asked for last."""

from __future__ import annotations

from headwater.client import transport_memory
from headwater.client.transport_memory import TransportMemory
from headwater.transports.settings import TransportKind


def test_what_worked_last_is_remembered_until_it_fails() -> None:
    memory = TransportMemory()
    assert memory.get("rtsp://a") is None
    memory.note("rtsp://a", TransportKind.UDP)
    memory.note("rtsp://a", TransportKind.TCP)
    assert memory.get("rtsp://a") is TransportKind.TCP
    memory.forget("rtsp://a")
    memory.forget("rtsp://a")
    assert memory.get("rtsp://a") is None


def test_the_urls_of_long_ago_are_forgotten() -> None:
    memory, most = TransportMemory(), transport_memory._MOST_REMEMBERED
    for number in range(most + 1):
        memory.note(f"rtsp://{number}", TransportKind.UDP)
    assert [memory.get(f"rtsp://{number}") for number in (0, 1, most)] == [
        None,
        TransportKind.UDP,
        TransportKind.UDP,
    ]
