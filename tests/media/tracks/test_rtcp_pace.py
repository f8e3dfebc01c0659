"""What of a publisher's RTCP is relayed."""

from headwater.media.tracks.rtcp_pace import BURST_PACKETS, PACKETS_PER_S, RtcpPace
from headwater.protocol.rtcp_build import sender_report

START_S = 1_000_000.0


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(count)]


def test_an_honest_sender_loses_nothing() -> None:
    pace = RtcpPace()
    for second in range(60):
        for tenth in range(5):
            assert pace.latest([b"report"], START_S + second + tenth / 5) == [b"report"]


def report(source: bytes, number: int) -> bytes:
    return sender_report(
        int.from_bytes(source), ntp=number, rtp_timestamp=0, packets=0, octets=0, cname="c"
    )


def test_of_a_crowd_the_latest_are_relayed() -> None:
    packets = numbered(BURST_PACKETS * 3)
    assert RtcpPace().latest(packets, START_S) == packets[-BURST_PACKETS:]


def test_of_reports_that_come_together_each_source_s_last_is_relayed_and_all_that_are_none() -> (
    None
):
    first, second = b"\0\0\0\1", b"\0\0\0\2"
    application = b"\x80\xcc\x00\x02" + first + b"name"
    packets = [
        report(first, 1),
        application,
        report(second, 2),
        report(first, 3),
        application,
        report(first, 4),
        b"\x80",
    ]
    kept = [application, packets[2], application, packets[5], b"\x80"]
    assert RtcpPace().latest(packets, START_S) == kept


def test_a_flood_is_bounded_by_time_whatever_its_batches() -> None:
    pace, relayed = RtcpPace(), 0
    for step in range(1000):
        relayed += len(pace.latest(numbered(7), START_S + step / 100))
    assert relayed <= BURST_PACKETS + 10 * PACKETS_PER_S


def test_nothing_of_nothing() -> None:
    pace = RtcpPace()
    pace.latest(numbered(BURST_PACKETS), START_S)
    assert pace.latest([], START_S) == []
    assert pace.latest([b"one more"], START_S) == []
