"""What each worker gets of what the settings give to the whole machine."""

from __future__ import annotations

import pytest

from headwater.app.workers.slices import slice_of
from headwater.config.settings import Settings
from headwater.http.settings import HttpSettings
from headwater.transports.settings import RtpSettings


@pytest.mark.parametrize(
    ("start", "count", "workers", "each"),
    [(10000, 10000, 2, 5000), (10001, 100, 3, 32), (10000, 8, 4, 2), (10000, 400, 1, 400)],
)
def test_udp_ports_are_shared_out_and_no_two_workers_have_the_same(
    start: int, count: int, workers: int, each: int
) -> None:
    settings = Settings(rtp=RtpSettings(rtp_port_start=start, rtp_port_count=count))
    seen: set[int] = set()
    for number in range(workers):
        rtp = slice_of(settings, number, workers).rtp
        ports = range(rtp.rtp_port_start, rtp.rtp_port_start + rtp.rtp_port_count)
        assert rtp.rtp_port_count == each
        assert rtp.rtp_port_start % 2 == 0
        assert not seen & set(ports)
        seen |= set(ports)
    assert min(seen) >= start
    assert max(seen) < start + count


def test_too_few_ports_are_said_to_be_too_few() -> None:
    settings = Settings(rtp=RtpSettings(rtp_port_start=10000, rtp_port_count=6))
    with pytest.raises(ValueError, match="4 workers need a pair of ports each"):
        slice_of(settings, 0, 4)


def test_memory_is_shared_out_and_browsers_come_to_the_first() -> None:
    settings = Settings(http=HttpSettings(port=8080))
    first, second = (slice_of(settings, number, 2) for number in (0, 1))
    for part in (first, second):
        assert part.limits.gop_cache_bytes_total == settings.limits.gop_cache_bytes_total // 2
        assert part.limits.sessions == settings.limits.sessions
        assert part.control.status_socket == ""
    assert (first.http.port, second.http.port) == (8080, None)
