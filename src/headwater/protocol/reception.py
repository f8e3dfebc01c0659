"""How well one source is received: loss and jitter as RFC 3550 §A.1, §A.3 and §A.8 reckon them."""

from collections.abc import Iterable

from headwater.protocol.rtcp import ReportBlock
from headwater.protocol.rtcp_build import ntp_middle

MAX_DROPOUT = 3_000
"""A jump forward up to this many packets is loss; a greater one is a restart (RFC 3550 §A.1)."""
MAX_MISORDER = 100
"""How far behind the highest sequence number a late packet may come (RFC 3550 §A.1)."""

_SEQUENCE_COUNT = 1 << 16
_HALF_RANGE = 1 << 15
_MOST_LATE_S = 2.0
"""A packet further than this from where the clock stands is a new start of the clock."""


class ReceptionStatistics:
    """Reception of one source, told batch by batch at a cost that does not grow with its size.

    A batch is known by its first and last sequence number and its length. That is exact while
    packets come in order; packets that changed places are set right by the next batch, as only the
    count and the highest number enter.
    """

    __slots__ = (
        "_awaited",
        "_base",
        "_expected_before",
        "_highest",
        "_jitter",
        "_last_sr",
        "_last_sr_s",
        "_late",
        "_lost_before_restart",
        "_most_late",
        "_received",
        "_received_before",
        "_transit",
        "clock_rate_hz",
        "restarts",
    )

    def __init__(self, clock_rate_hz: int) -> None:
        """Start with nothing received.

        Args:
            clock_rate_hz: RTP timestamp units per second.
        """
        self.clock_rate_hz = clock_rate_hz
        self.restarts = 0
        """How often the source began anew at an unrelated sequence number."""
        self._highest = -1
        self._awaited = -1
        self._base = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._lost_before_restart = 0
        self._jitter = 0.0
        self._transit: float | None = None
        # How much later than on average the last sample came, in units of the clock rate.
        self._late = 0.0
        self._most_late = _MOST_LATE_S * clock_rate_hz
        self._last_sr = 0
        self._last_sr_s = 0.0

    def receive_batch(self, first: int, last: int, count: int) -> None:
        """Take in a batch.

        Args:
            first: sequence number of its first packet.
            last: sequence number of its last packet.
            count: how many packets it has, at least one.
        """
        if self._highest < 0:
            self._start(first)
        else:
            forward = first - self._highest & 0xFFFF
            if MAX_DROPOUT <= forward <= _SEQUENCE_COUNT - MAX_MISORDER:
                # RFC 3550 §A.1: one packet far off is a stray; two in sequence are a restart.
                if first != self._awaited and count == 1:
                    self._awaited = first + 1 & 0xFFFF
                    return
                self._lost_before_restart = self.lost
                self.restarts += 1
                self._start(first)
            elif forward < _HALF_RANGE:
                self._highest += forward
        self._awaited = -1
        self._received += count
        forward = last - self._highest & 0xFFFF
        if forward < _HALF_RANGE:
            self._highest += forward

    def receive_timestamps(self, samples: Iterable[tuple[int, float]]) -> None:
        """Take samples of the jitter (RFC 3550 §A.8), one a batch, of its first packet.

        Args:
            samples: in their order the packets' RTP timestamps, each with when it came, on any
                clock that goes on evenly.
        """
        clock_rate_hz, most_late, jitter = self.clock_rate_hz, self._most_late, self._jitter
        before, late = self._transit, self._late
        for timestamp, arrived_s in samples:
            transit = arrived_s * clock_rate_hz - timestamp
            if before is not None:
                difference = (transit - before + 0x80000000) % 0x100000000 - 0x80000000
                jitter += (abs(difference) - jitter) / 16
                late = (late + difference) * (31 / 32)
                if not -most_late < late < most_late:
                    late = 0.0
            before = transit
        self._transit, self._jitter, self._late = before, jitter, late

    def steady_timestamp(self, arrived_s: float) -> int | None:
        """Return the averaged clock of the source at an instant; None before the first sample.

        Pictures are sent out of their order where there are B-frames: one by one their timestamps
        run ahead of the time that passes and fall behind it.
        """
        if self._transit is None:
            return None
        return int(arrived_s * self.clock_rate_hz - self._transit + self._late) & 0xFFFFFFFF

    def receive_sender_report(self, ntp: int, arrived_s: float) -> None:
        """Remember the source's last sender report for `last_sr` and `delay_since_last_sr`.

        Args:
            ntp: its 64-bit NTP time stamp.
            arrived_s: when it came, on the clock that `report_block` will be asked with.
        """
        self._last_sr = ntp_middle(ntp)
        self._last_sr_s = arrived_s

    @property
    def highest_sequence(self) -> int:
        """Highest sequence number with its wraps in the upper 16 bits; 0 before any packet."""
        return max(self._highest, 0) & 0xFFFFFFFF

    @property
    def expected(self) -> int:
        """Packets the source has sent since it last began, by sequence numbers."""
        return self._highest - self._base + 1 if self._highest >= 0 else 0

    @property
    def received(self) -> int:
        """Packets received since the source last began, duplicates included."""
        return self._received

    @property
    def lost(self) -> int:
        """Packets lost over all restarts; never negative."""
        return self._lost_before_restart + max(0, self.expected - self._received)

    @property
    def jitter(self) -> int:
        """Interarrival jitter in units of the clock rate."""
        return int(self._jitter)

    def report_block(self, ssrc: int, now_s: float) -> ReportBlock:
        """Report on what came so far; the fraction lost is of the time since the last call.

        Args:
            ssrc: the source reported on.
            now_s: the time, on the clock of `receive_sender_report`.
        """
        expected = self.expected
        expected_since = expected - self._expected_before
        lost_since = expected_since - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        # RFC 3550 §A.3: a negative loss, from duplicates, counts as none.
        fraction = lost_since * 256 // expected_since if lost_since > 0 else 0
        delay = int((now_s - self._last_sr_s) * 65_536) if self._last_sr else 0
        return ReportBlock(
            ssrc=ssrc,
            fraction_lost=fraction,
            cumulative_lost=max(-0x800000, min(0x7FFFFF, expected - self._received)),
            highest_sequence=self.highest_sequence,
            jitter=self.jitter & 0xFFFFFFFF,
            last_sr=self._last_sr,
            delay_since_last_sr=max(0, min(0xFFFFFFFF, delay)),
        )

    def _start(self, first: int) -> None:
        self._base = self._highest = first
        self._received = self._received_before = self._expected_before = 0
        self._transit = None
        self._late = 0.0
