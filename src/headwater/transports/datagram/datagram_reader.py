"""What readers over UDP have in common, each with ports of its own or all with a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from headwater.media.readers.reader import Reader
from headwater.media.settings import MountSettings
from headwater.media.tracks.track import Track
from headwater.transports.datagram.udp_outlet import UdpOutlet
from headwater.transports.reader_reports import ReaderReports
from headwater.transports.session_media import SessionIdentity
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind

EgressT = TypeVar("EgressT", bound=UdpOutlet)


@dataclass(eq=False, slots=True, kw_only=True)
class Leg(Generic[EgressT]):
    """One track of a reader, and the egress that it shares with others."""

    track: Track
    egress: EgressT
    reports: ReaderReports
    # What the egress had left out when this leg went live; None while it is not.
    left_out_before: tuple[int, int] | None = None

    @property
    def dropped(self) -> tuple[int, int]:
        """Packets and bytes that the reader missed on it."""
        return self.left_out

    @property
    def left_out(self) -> tuple[int, int]:
        """Packets and bytes that the egress left out while this leg was live."""
        if self.left_out_before is None:
            return 0, 0
        packets, size_bytes = self.left_out_before
        return self.egress.left_out_packets - packets, self.egress.left_out_bytes - size_bytes


LegT = TypeVar("LegT", bound=Leg[Any])


class DatagramReader(SessionReader, Generic[LegT]):
    """A reader whose tracks leave through sockets that serve others too."""

    def __init__(
        self,
        identity: SessionIdentity,
        kind: TransportKind,
        settings: MountSettings,
        on_too_slow: Callable[[Reader], None],
    ) -> None:
        super().__init__(identity, kind, on_too_slow)
        self._settings = settings
        self._legs: dict[int, LegT] = {}

    @property
    def _deliveries(self) -> Mapping[int, LegT]:
        return self._legs

    def fail(self, error: Exception) -> None:
        """End the session after an error in its delivery."""
        self.identity.on_close(f"delivery failed: {error}")

    def _note_live(self, index: int, leg: LegT) -> None:
        leg.left_out_before = (leg.egress.left_out_packets, leg.egress.left_out_bytes)
        self.offered.begin(index, leg.track)

    def _note_left(self, index: int, leg: LegT) -> None:
        self.offered.end(index)
        self._keep_drops(leg)
        leg.left_out_before = None

    def _receive_rtcp(self, leg: LegT, packet: bytes) -> None:
        if leg.reports.receive(packet, leg.track):
            self.identity.on_life()
