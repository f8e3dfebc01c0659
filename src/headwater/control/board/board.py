"""The board: a card for each path, made of one status after another."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from headwater.codecs.spoken import spoken
from headwater.control.board.card import (
    Card,
    CardState,
    PublisherCard,
    ServerCard,
    SourceCard,
    rounded,
)
from headwater.control.board.look import BoardLook, look_at
from headwater.control.board.meter import Meter, Rates
from headwater.control.board.trouble import (
    SILENT_S,
    SeenPath,
    troubles_of_path,
    troubles_of_server,
)
from headwater.control.status import ServerStatus
from headwater.media.snapshot import MountSnapshot
from headwater.media.states import MountState
from headwater.relay.end import SessionSnapshot
from headwater.sources.snapshot import SourceSnapshot
from headwater.sources.state import SourceState

_SLICE = 32
"""Cards that are made between two pauses."""

_OF_MOUNT = {
    MountState.LIVE: CardState.LIVE,
    MountState.GRACE: CardState.WAITING,
    MountState.CLOSED: CardState.WAITING,
}
_OF_SOURCE = {
    SourceState.IDLE: CardState.IDLE,
    SourceState.STARTING: CardState.STARTING,
    SourceState.RUNNING: CardState.STARTING,
    SourceState.WAITING: CardState.DOWN,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the board shows at one moment; the cards by path."""

    server: ServerCard
    cards: Mapping[str, Card]


class Board:
    """Reckons rates from each look to the next."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}
        self._before: ServerStatus | None = None

    def look(self, status: ServerStatus) -> Seen:
        """Return what is shown of a status."""
        steps = self._of_status(status)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                seen: Seen = end.value
                return seen

    def _of_status(self, status: ServerStatus) -> Generator[None, None, Seen]:
        look = yield from look_at(status)
        return (yield from self.steps(look))

    def steps(self, look: BoardLook) -> Generator[None, None, Seen]:
        """Make what is shown, in steps of well under a millisecond."""
        status = look.status
        sources = {source.path: source for source in look.sources}
        mounts = {mount.path: mount for mount in look.mounts}
        yield
        cards: dict[str, Card] = {}
        for number, path in enumerate(sorted({*mounts, *sources}), 1):
            seen = SeenPath(
                path, mounts.get(path), sources.get(path), look.readers.get(path, 0), status.clock_s
            )
            cards[path] = self._card(seen, look.publishers)
            if number % _SLICE == 0:
                yield
        self._meters = {path: meter for path, meter in self._meters.items() if path in mounts}
        server = self._server(status, cards)
        self._before = status
        return Seen(server, cards)

    def _card(self, seen: SeenPath, publishers: Mapping[str, SessionSnapshot]) -> Card:
        mount = seen.mount
        rates = None if mount is None else self._rates(mount, seen.now)
        distance_s = rates.key_frame_distance_s if rates else None
        return Card(
            path=seen.path,
            state=_state(seen),
            codecs=tuple(spoken(track.encoding) for track in mount.tracks) if mount else (),
            has_pictures=any(track.kind == "video" for track in mount.tracks) if mount else False,
            publisher=_publisher(mount, publishers),
            source=_source(seen.source),
            readers=seen.readers,
            since_s=None if mount is None else round(mount.opened_s, 1),
            bits_per_s=rounded(rates.bits_per_s) if rates else 0,
            lost_share=round(rates.lost_share, 4) if rates else 0.0,
            lost_packets=rates.lost_packets if rates else 0,
            missed_packets=rates.missed_packets if rates else 0,
            key_frame_distance_s=None if distance_s is None else round(distance_s, 1),
            troubles=troubles_of_path(seen, rates),
        )

    def _rates(self, mount: MountSnapshot, now: float) -> Rates:
        meter = self._meters.get(mount.path)
        if meter is None or meter.opened_s != mount.opened_s:
            meter = self._meters[mount.path] = Meter(mount.opened_s)
        return meter.look(mount, now)

    def _server(self, status: ServerStatus, cards: Mapping[str, Card]) -> ServerCard:
        before = self._before
        passed_s = status.uptime_s if before is None else status.clock_s - before.clock_s
        sent = _sent(status) - (0 if before is None else _sent(before))
        process = status.process
        return ServerCard(
            version=status.version,
            state=status.state,
            clock_s=round(status.clock_s, 1),
            started_s=round(status.clock_s - status.uptime_s, 1),
            live=sum(card.state is CardState.LIVE for card in cards.values()),
            readers=sum(card.readers for card in cards.values()),
            bits_in_per_s=rounded(sum(card.bits_per_s for card in cards.values())),
            bits_out_per_s=rounded(max(0, sent) * 8 / passed_s) if passed_s > 0 else 0,
            connections=status.connections.open,
            memory_bytes=rounded(process.memory_bytes or process.peak_memory_bytes or 0),
            workers=status.workers,
            nodes=status.nodes,
            troubles=troubles_of_server(status, before),
        )


def _state(seen: SeenPath) -> CardState:
    if seen.mount is not None:
        return CardState.SILENT if seen.silent_s > SILENT_S else _OF_MOUNT[seen.mount.state]
    assert seen.source is not None  # noqa: S101 - a path has one of the two
    return _OF_SOURCE[seen.source.sources[0].state] if seen.source.sources else CardState.IDLE


def _publisher(
    mount: MountSnapshot | None, publishers: Mapping[str, SessionSnapshot]
) -> PublisherCard | None:
    if mount is None or mount.publisher is None:
        return None
    publisher = mount.publisher
    session = publishers.get(publisher.id)
    return PublisherCard(
        id=publisher.id,
        kind="" if session is None else session.kind.value,
        peer=publisher.peer,
        user=(session.username or "") if session else "",
        user_agent=publisher.user_agent,
        transport=publisher.transport,
    )


def _source(source: SourceSnapshot | None) -> SourceCard | None:
    if source is None or not source.sources:
        return None
    first = source.sources[0]
    return SourceCard(first.url, source.on_demand, "" if source.live else first.last_error)


def _sent(status: ServerStatus) -> int:
    return status.connections.bytes_sent + status.egress.sent_bytes
