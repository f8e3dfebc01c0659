"""Reception statistics, fed with anything."""

from __future__ import annotations

from fuzz.target import Target
from headwater.protocol.reception import ReceptionStatistics


def run(data: bytes) -> None:
    statistics = ReceptionStatistics(90_000)
    now_s = 1.0
    for at in range(0, len(data) - 5, 6):
        kind, count, *rest = data[at : at + 6]
        first = int.from_bytes(rest[:2], "big")
        now_s += rest[3] / 100
        if kind % 8 < 5:
            statistics.receive_batch(first, (first + count) & 0xFFFF, count + 1)
        elif kind % 8 == 5:
            statistics.receive_timestamps([(int.from_bytes(rest, "big"), now_s)])
        elif kind % 8 == 6:
            statistics.receive_sender_report(int.from_bytes(rest, "big") << 20, now_s)
        else:
            block = statistics.report_block(7, now_s)
            assert 0 <= block.fraction_lost <= 255
            assert 0 <= block.jitter <= 0xFFFFFFFF
            assert 0 <= block.highest_sequence <= 0xFFFFFFFF
            assert 0 <= block.delay_since_last_sr <= 0xFFFFFFFF
        assert statistics.received >= 0
        assert statistics.expected >= 0


TARGET = Target(
    invariant="any history of packets gives a report whose fields fit",
    run=run,
    max_bytes=600,
)
