"""Plays a source for a while and measures it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from headwater.client.errors import ClientError, EndedError, SilentError
from headwater.client.own_mount import OwnMount
from headwater.client.play_session import PlayRequest, PlaySession
from headwater.client.probe.findings import warnings_of
from headwater.client.probe.report import ProbeReport
from headwater.client.probe.track_meter import TrackMeter
from headwater.client.pull import Pull
from headwater.client.settings import ClientSettings, ClientTransport
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.client.transport_memory import TransportMemory
from headwater.media.readers.function_reader import FunctionReader
from headwater.media.snapshot import MountSnapshot
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription
from headwater.relay.relay import new_end_id
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.settings import TransportKind

DURATION_S: Final = 10.0
_PROGRESS_S: Final = 0.5
_WORKS: Final = "works"


@dataclass(frozen=True, slots=True)
class ProbeProgress:
    """How far a probe is.

    Attributes:
        step: what it does, in words.
        elapsed_s: seconds of measuring so far; 0.0 before.
        packets: RTP packets so far.
        size_bytes: the same in bytes.
    """

    step: str
    elapsed_s: float = 0.0
    packets: int = 0
    size_bytes: int = 0


OnProgress = Callable[[ProbeProgress], None]


async def probe(
    url: str,
    *,
    duration_s: float = DURATION_S,
    on_progress: OnProgress | None = None,
    settings: ClientSettings | None = None,
    **chosen: Any,
) -> ProbeReport:
    """Find out what a source is: play it, measure what comes, and say what may cause trouble.

    Args:
        url: `rtsp://` or `rtsps://` URL of the source.
        duration_s: for how many seconds it is measured.
        on_progress: called twice a second while it goes on.
        settings: how to connect, as for `RtspClient`; or single settings, such as `transport`.
            With the transport `auto` the others are tried afterwards, for their first packet.

    Raises:
        ClientError: it does not play.
        ValueError: the URL or a setting cannot be used.
    """
    if settings is not None and chosen:
        raise ValueError("give `settings`, or single settings, and not both")
    if duration_s <= 0:
        raise ValueError(f"duration_s is {duration_s}; it must be above 0")
    settings = settings or ClientSettings(**chosen)
    around = Surroundings.alone()
    visit = _Visit(Target.of(url, settings), settings, around, on_progress)
    report = await visit.measure(duration_s)
    if settings.transport is ClientTransport.AUTO and not visit.target.is_secure:
        report = replace(report, transports=await visit.try_others(report.transport))
    return replace(report, warnings=warnings_of(report))


class _Measured:
    """The sink of a probe: a mount, and a meter on each of its tracks."""

    def __init__(self, around: Surroundings) -> None:
        self.meters: list[TrackMeter] = []
        self.arrived = asyncio.Event()
        self.snapshot: MountSnapshot | None = None
        self._own = OwnMount(around)
        self._around = around

    def begin(
        self, presentation: SessionDescription, publisher: IngestPublisher
    ) -> Sequence[Track]:
        mount = self._own.open(presentation, publisher)
        self.meters = [TrackMeter(track) for track in mount.tracks]
        loop = self._around.loop
        reader = FunctionReader(
            new_end_id(),
            self._take,
            clock=loop.time,
            call_soon=loop.call_soon,
            on_rtcp=lambda track, batch: self.meters[track.index].take_rtcp(batch),
        )
        reader.begin(mount)
        return mount.tracks

    def end(self, publisher: IngestPublisher, reason: str) -> None:
        self.look()
        self._own.end(publisher, reason)

    def look(self) -> MountSnapshot | None:
        """Return what came so far; the last of it stays when the mount is gone."""
        if self._own.mount is not None:
            self.snapshot = self._own.mount.snapshot()
        return self.snapshot

    def _take(self, track: Track, batch: Any) -> None:
        self.meters[track.index].take(batch)
        self.arrived.set()


class _Visit:
    """One source that is probed."""

    def __init__(
        self,
        target: Target,
        settings: ClientSettings,
        around: Surroundings,
        on_progress: OnProgress | None,
    ) -> None:
        self.target = target
        self._settings = settings
        self._around = around
        self._on_progress = on_progress
        self._began_s = around.loop.time()

    async def measure(self, duration_s: float) -> ProbeReport:
        """Play the source for so long, and return what was found, but for the warnings."""
        sink = _Measured(self._around)
        pull = Pull(self.target, self._settings, self._around, TransportMemory())
        self._tell(ProbeProgress("asks for the description"))
        try:
            await pull.describe()
            described_s = self._since_s()
            self._tell(ProbeProgress("asks it to play"))
            session = await pull.start(sink, PlayRequest())
        finally:
            pull.close()
        try:
            await self._first_packet(session, sink)
            first_s = min(meter.first_s for meter in sink.meters if meter.first_s is not None)
            await self._watch(session, sink, first_s, duration_s)
            measured_s = self._around.loop.time() - first_s
            snapshot = sink.look()
            ended = session.ended.result().message if session.ended.done() else ""
            server = session.server
        finally:
            await session.close()
        assert snapshot is not None  # noqa: S101 - it had a packet, so it had a mount
        shown_s = [
            meter.first_shown_s
            for meter, track in zip(sink.meters, snapshot.tracks, strict=True)
            if meter.first_shown_s is not None
            and (track.kind == "video" or not _has_video(snapshot))
        ]
        return ProbeReport(
            url=session.url,
            server=server.name,
            methods=tuple(sorted(server.methods)),
            session_timeout_s=server.session_timeout_s,
            transport=session.kind.value,
            transports={session.kind.value: _WORKS},
            described_s=described_s,
            first_packet_s=first_s - self._began_s,
            first_picture_s=min(shown_s) - self._began_s if shown_s else None,
            measured_s=measured_s,
            ended=ended,
            tracks=tuple(
                meter.report(track)
                for meter, track in zip(sink.meters, snapshot.tracks, strict=True)
            ),
            warnings=(),
        )

    async def try_others(self, works: str) -> dict[str, str]:
        """Return what becomes of UDP and TCP, of which one is known to work."""
        outcomes = {}
        for kind in (TransportKind.UDP, TransportKind.TCP):
            outcomes[kind.value] = _WORKS if kind.value == works else await self._try(kind)
        return outcomes

    async def _try(self, kind: TransportKind) -> str:
        self._tell(ProbeProgress(f"tries {kind}"))
        settings = replace(
            self._settings,
            transport=ClientTransport(kind.value),
            silence_timeout_s=self._settings.udp_silence_s,
        )
        sink = _Measured(self._around)
        pull = Pull(self.target, settings, self._around, TransportMemory())
        try:
            session = await pull.start(sink, PlayRequest())
            try:
                await self._first_packet(session, sink)
            finally:
                await session.close()
        except ClientError as error:
            return f"{error.step}: {error.message}"
        return _WORKS

    async def _first_packet(self, session: PlaySession, sink: _Measured) -> None:
        """Wait for it. Raises ClientError where none comes."""
        arrival = asyncio.ensure_future(sink.arrived.wait())
        try:
            await asyncio.wait((arrival, session.ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()
        if not sink.arrived.is_set():
            error = session.ended.result()
            if isinstance(error, EndedError):
                raise SilentError(
                    f"{error.message} before any packet came", url=session.url, step="playing"
                )
            raise error

    async def _watch(
        self, session: PlaySession, sink: _Measured, first_s: float, duration_s: float
    ) -> None:
        """Let it play, and tell how far it is, until the time is over or it ends."""
        while not session.ended.done():
            elapsed_s = self._around.loop.time() - first_s
            snapshot = sink.look()
            tracks = () if snapshot is None else snapshot.tracks
            self._tell(
                ProbeProgress(
                    "measures",
                    elapsed_s,
                    sum(track.packets for track in tracks),
                    sum(track.bytes for track in tracks),
                )
            )
            if elapsed_s >= duration_s:
                return
            await asyncio.wait([session.ended], timeout=min(_PROGRESS_S, duration_s - elapsed_s))

    def _since_s(self) -> float:
        return self._around.loop.time() - self._began_s

    def _tell(self, progress: ProbeProgress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)


def _has_video(snapshot: MountSnapshot) -> bool:
    return any(track.kind == "video" for track in snapshot.tracks)
