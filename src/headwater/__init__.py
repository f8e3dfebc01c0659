"""Headwater: an RTSP/RTP streaming media server to run, to embed and to test with.

Each name is imported when it is first used: `headwater --version` and `headwater status` need none
of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headwater.version import __version__

if TYPE_CHECKING:
    from headwater.access.auth_method import AuthMethod
    from headwater.access.counters import AccessCounters
    from headwater.access.outside_settings import AskSettings, JwtAlgorithm, JwtSettings, WhenDown
    from headwater.access.settings import AccessSettings, UserSettings
    from headwater.api.settings import ApiSettings, TokenSettings
    from headwater.app.frame_access import (
        AudioFrameArguments,
        DecodingArguments,
        FrameArguments,
        SnapshotArguments,
    )
    from headwater.app.publisher_arguments import PublisherArguments
    from headwater.app.rtsp_server import RtspServer
    from headwater.app.threaded_frames import ThreadedFrameStream
    from headwater.app.threaded_publisher import ThreadedFramePublisher
    from headwater.app.threaded_server import ServerArguments, ThreadedRtspServer
    from headwater.app.transform_arguments import TransformArguments
    from headwater.app.url_frames import UrlFrames, frames
    from headwater.app.url_publishing import UrlFramePublisher, publish_frames
    from headwater.app.workers.rtsp_workers import RtspWorkers
    from headwater.applies import When
    from headwater.client.errors import ClientError
    from headwater.client.forwarding.settings import ForwardTransport
    from headwater.client.forwarding.snapshot import ForwardSnapshot, ForwardState
    from headwater.client.playback import Playback, TrackBatch
    from headwater.client.probe.probing import ProbeProgress, probe
    from headwater.client.probe.report import ProbeReport, TrackProbe
    from headwater.client.recording import Recording
    from headwater.client.rtsp_client import RtspClient
    from headwater.client.settings import ClientSettings, ClientTransport
    from headwater.cluster.node.settings import ClusterSettings, ReaderWay, RegistryLoss
    from headwater.cluster.settings import Accepting, WorkerSettings
    from headwater.config.applied import Applied, SettingsChange
    from headwater.config.errors import ConfigError, ConfigFault, FaultKind
    from headwater.config.file import Assignment, load_settings
    from headwater.config.path_section import PathSection
    from headwater.config.settings import LogFormat, LogLevel, LogSettings, Settings
    from headwater.control.errors import StatusSocketError
    from headwater.control.process import ProcessStatus
    from headwater.control.server_state import ServerState
    from headwater.control.settings import ControlSettings
    from headwater.control.status import (
        ConnectionsStatus,
        DropsStatus,
        Health,
        HookStatus,
        HookThreadsStatus,
        NodeStatus,
        PortsStatus,
        ServerStatus,
        SettingsStatus,
        WorkerStatus,
    )
    from headwater.hooks import Allowed, HookRequest, Hooks, HookSettings, Redirect
    from headwater.hooks.registry import RegisteredHook
    from headwater.hooks.table import HookPoint
    from headwater.hooks.webhook_settings import WebhookSettings
    from headwater.http.settings import DecodingPlace, HttpSettings
    from headwater.libav.decoding.errors import (
        FramesError,
        FrameTimeout,
        NotDecodable,
        SourceEnded,
    )
    from headwater.libav.decoding.frame import Frame
    from headwater.libav.decoding.frame_stream import FrameStream
    from headwater.libav.decoding.sound import AudioFrame
    from headwater.libav.encoding.errors import EncoderMissing, PublisherEnded
    from headwater.libav.encoding.frame_publisher import FramePublisher
    from headwater.libav.transforms.snapshot import TransformSnapshot
    from headwater.log_pace import LogTotals
    from headwater.media.path_override import PathOverride
    from headwater.media.settings import (
        MountOverride,
        MountSettings,
        SecondPublisher,
        SlowReaderPolicy,
        SoundByWebRtc,
    )
    from headwater.media.snapshot import (
        MountSnapshot,
        PublisherSnapshot,
        ReaderSnapshot,
        TrackSnapshot,
    )
    from headwater.media.states import MountState, ReaderState
    from headwater.media.tracks.packet_batch import PacketBatch
    from headwater.net.settings import ClientCertificates, SocketSettings, TlsSettings, TlsVersion
    from headwater.onvif.discover import discover
    from headwater.onvif.found_device import OnvifDevice, OnvifState, OnvifStream
    from headwater.protocol.session_states import SessionState
    from headwater.relay.batch_reader import BatchReader
    from headwater.relay.counters import ServerCounters
    from headwater.relay.end import EndKind, SessionSnapshot
    from headwater.relay.events import Event, EventName, EventStream
    from headwater.relay.limit_settings import LimitSettings
    from headwater.relay.packet_publisher import PacketPublisher
    from headwater.server.settings import ServerSettings, SessionSettings
    from headwater.side import Side
    from headwater.sources.meter import SourceReception
    from headwater.sources.settings import SourceSettings, SourcesSettings
    from headwater.sources.snapshot import CandidateSnapshot, SourceSnapshot
    from headwater.sources.state import SourceState
    from headwater.transports.egress_snapshot import EgressSnapshot, EgressTotals
    from headwater.transports.settings import RtpSettings, TransportKind
    from headwater.webrtc.settings import WebRtcSettings

__all__ = [
    "Accepting",
    "AccessCounters",
    "AccessSettings",
    "Allowed",
    "ApiSettings",
    "Applied",
    "AskSettings",
    "Assignment",
    "AudioFrame",
    "AudioFrameArguments",
    "AuthMethod",
    "BatchReader",
    "CandidateSnapshot",
    "ClientCertificates",
    "ClientError",
    "ClientSettings",
    "ClientTransport",
    "ClusterSettings",
    "ConfigError",
    "ConfigFault",
    "ConnectionsStatus",
    "ControlSettings",
    "DecodingArguments",
    "DecodingPlace",
    "DropsStatus",
    "EgressSnapshot",
    "EgressTotals",
    "EncoderMissing",
    "EndKind",
    "Event",
    "EventName",
    "EventStream",
    "FaultKind",
    "ForwardSnapshot",
    "ForwardState",
    "ForwardTransport",
    "Frame",
    "FrameArguments",
    "FramePublisher",
    "FrameStream",
    "FrameTimeout",
    "FramesError",
    "Health",
    "HookPoint",
    "HookRequest",
    "HookSettings",
    "HookStatus",
    "HookThreadsStatus",
    "Hooks",
    "HttpSettings",
    "JwtAlgorithm",
    "JwtSettings",
    "LimitSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "LogTotals",
    "MountOverride",
    "MountSettings",
    "MountSnapshot",
    "MountState",
    "NodeStatus",
    "NotDecodable",
    "OnvifDevice",
    "OnvifState",
    "OnvifStream",
    "PacketBatch",
    "PacketPublisher",
    "PathOverride",
    "PathSection",
    "Playback",
    "PortsStatus",
    "ProbeProgress",
    "ProbeReport",
    "ProcessStatus",
    "PublisherArguments",
    "PublisherEnded",
    "PublisherSnapshot",
    "ReaderSnapshot",
    "ReaderState",
    "ReaderWay",
    "Recording",
    "Redirect",
    "RegisteredHook",
    "RegistryLoss",
    "RtpSettings",
    "RtspClient",
    "RtspServer",
    "RtspWorkers",
    "SecondPublisher",
    "ServerArguments",
    "ServerCounters",
    "ServerSettings",
    "ServerState",
    "ServerStatus",
    "SessionSettings",
    "SessionSnapshot",
    "SessionState",
    "Settings",
    "SettingsChange",
    "SettingsStatus",
    "Side",
    "SlowReaderPolicy",
    "SnapshotArguments",
    "SocketSettings",
    "SoundByWebRtc",
    "SourceEnded",
    "SourceReception",
    "SourceSettings",
    "SourceSnapshot",
    "SourceState",
    "SourcesSettings",
    "StatusSocketError",
    "ThreadedFramePublisher",
    "ThreadedFrameStream",
    "ThreadedRtspServer",
    "TlsSettings",
    "TlsVersion",
    "TokenSettings",
    "TrackBatch",
    "TrackProbe",
    "TrackSnapshot",
    "TransformArguments",
    "TransformSnapshot",
    "TransportKind",
    "UrlFramePublisher",
    "UrlFrames",
    "UserSettings",
    "WebRtcSettings",
    "WebhookSettings",
    "When",
    "WhenDown",
    "WorkerSettings",
    "WorkerStatus",
    "__version__",
    "discover",
    "frames",
    "load_settings",
    "probe",
    "publish_frames",
]

_HOMES = {
    "ApiSettings": "headwater.api.settings",
    "UrlFrames": "headwater.app.url_frames",
    "frames": "headwater.app.url_frames",
    "UrlFramePublisher": "headwater.app.url_publishing",
    "publish_frames": "headwater.app.url_publishing",
    "EncoderMissing": "headwater.libav.encoding.errors",
    "FramePublisher": "headwater.libav.encoding.frame_publisher",
    "PublisherArguments": "headwater.app.publisher_arguments",
    "PublisherEnded": "headwater.libav.encoding.errors",
    "TransformArguments": "headwater.app.transform_arguments",
    "TransformSnapshot": "headwater.libav.transforms.snapshot",
    "ThreadedFramePublisher": "headwater.app.threaded_publisher",
    "AudioFrame": "headwater.libav.decoding.sound",
    "AudioFrameArguments": "headwater.app.frame_access",
    "DecodingArguments": "headwater.app.frame_access",
    "Frame": "headwater.libav.decoding.frame",
    "FrameArguments": "headwater.app.frame_access",
    "FrameStream": "headwater.libav.decoding.frame_stream",
    "FrameTimeout": "headwater.libav.decoding.errors",
    "FramesError": "headwater.libav.decoding.errors",
    "NotDecodable": "headwater.libav.decoding.errors",
    "SnapshotArguments": "headwater.app.frame_access",
    "SourceEnded": "headwater.libav.decoding.errors",
    "ThreadedFrameStream": "headwater.app.threaded_frames",
    "ClientError": "headwater.client.errors",
    "ClientSettings": "headwater.client.settings",
    "ClientTransport": "headwater.client.settings",
    "ClusterSettings": "headwater.cluster.node.settings",
    "ForwardSnapshot": "headwater.client.forwarding.snapshot",
    "ForwardState": "headwater.client.forwarding.snapshot",
    "ForwardTransport": "headwater.client.forwarding.settings",
    "Playback": "headwater.client.playback",
    "TrackBatch": "headwater.client.playback",
    "ProbeProgress": "headwater.client.probe.probing",
    "probe": "headwater.client.probe.probing",
    "ProbeReport": "headwater.client.probe.report",
    "TrackProbe": "headwater.client.probe.report",
    "Recording": "headwater.client.recording",
    "RtspClient": "headwater.client.rtsp_client",
    "AccessCounters": "headwater.access.counters",
    "When": "headwater.applies",
    "Applied": "headwater.config.applied",
    "SettingsChange": "headwater.config.applied",
    "SettingsStatus": "headwater.control.status",
    "ServerArguments": "headwater.app.threaded_server",
    "StatusSocketError": "headwater.control.errors",
    "ProcessStatus": "headwater.control.process",
    "ServerState": "headwater.control.server_state",
    "ConnectionsStatus": "headwater.control.status",
    "DropsStatus": "headwater.control.status",
    "HookStatus": "headwater.control.status",
    "HookThreadsStatus": "headwater.control.status",
    "PortsStatus": "headwater.control.status",
    "ReaderWay": "headwater.cluster.node.settings",
    "RegisteredHook": "headwater.hooks.registry",
    "RegistryLoss": "headwater.cluster.node.settings",
    "HookPoint": "headwater.hooks.table",
    "LogTotals": "headwater.log_pace",
    "MountState": "headwater.media.states",
    "ReaderState": "headwater.media.states",
    "OnvifDevice": "headwater.onvif.found_device",
    "OnvifState": "headwater.onvif.found_device",
    "OnvifStream": "headwater.onvif.found_device",
    "discover": "headwater.onvif.discover",
    "SessionState": "headwater.protocol.session_states",
    "EndKind": "headwater.relay.end",
    "BatchReader": "headwater.relay.batch_reader",
    "PacketBatch": "headwater.media.tracks.packet_batch",
    "PacketPublisher": "headwater.relay.packet_publisher",
    "Event": "headwater.relay.events",
    "EventName": "headwater.relay.events",
    "EventStream": "headwater.relay.events",
    "Side": "headwater.side",
    "CandidateSnapshot": "headwater.sources.snapshot",
    "SourceReception": "headwater.sources.meter",
    "SourceSnapshot": "headwater.sources.snapshot",
    "SourceState": "headwater.sources.state",
    "SourceSettings": "headwater.sources.settings",
    "SourcesSettings": "headwater.sources.settings",
    "EgressSnapshot": "headwater.transports.egress_snapshot",
    "EgressTotals": "headwater.transports.egress_snapshot",
    "AuthMethod": "headwater.access.auth_method",
    "AccessSettings": "headwater.access.settings",
    "UserSettings": "headwater.access.settings",
    "AskSettings": "headwater.access.outside_settings",
    "JwtAlgorithm": "headwater.access.outside_settings",
    "JwtSettings": "headwater.access.outside_settings",
    "WhenDown": "headwater.access.outside_settings",
    "WebhookSettings": "headwater.hooks.webhook_settings",
    "RtspServer": "headwater.app.rtsp_server",
    "RtspWorkers": "headwater.app.workers.rtsp_workers",
    "ThreadedRtspServer": "headwater.app.threaded_server",
    "ConfigError": "headwater.config.errors",
    "ConfigFault": "headwater.config.errors",
    "FaultKind": "headwater.config.errors",
    "Assignment": "headwater.config.file",
    "load_settings": "headwater.config.file",
    "PathOverride": "headwater.media.path_override",
    "PathSection": "headwater.config.path_section",
    "LogFormat": "headwater.config.settings",
    "LogLevel": "headwater.config.settings",
    "LogSettings": "headwater.config.settings",
    "Settings": "headwater.config.settings",
    "ControlSettings": "headwater.control.settings",
    "Health": "headwater.control.status",
    "ServerStatus": "headwater.control.status",
    "WorkerSettings": "headwater.cluster.settings",
    "WorkerStatus": "headwater.control.status",
    "NodeStatus": "headwater.control.status",
    "Allowed": "headwater.hooks",
    "HookRequest": "headwater.hooks",
    "Hooks": "headwater.hooks",
    "HookSettings": "headwater.hooks",
    "Redirect": "headwater.hooks",
    "DecodingPlace": "headwater.http.settings",
    "HttpSettings": "headwater.http.settings",
    "MountOverride": "headwater.media.settings",
    "MountSettings": "headwater.media.settings",
    "SecondPublisher": "headwater.media.settings",
    "SlowReaderPolicy": "headwater.media.settings",
    "SoundByWebRtc": "headwater.media.settings",
    "Accepting": "headwater.cluster.settings",
    "MountSnapshot": "headwater.media.snapshot",
    "PublisherSnapshot": "headwater.media.snapshot",
    "ReaderSnapshot": "headwater.media.snapshot",
    "TrackSnapshot": "headwater.media.snapshot",
    "ClientCertificates": "headwater.net.settings",
    "SocketSettings": "headwater.net.settings",
    "TlsSettings": "headwater.net.settings",
    "TokenSettings": "headwater.api.settings",
    "TlsVersion": "headwater.net.settings",
    "ServerCounters": "headwater.relay.counters",
    "SessionSnapshot": "headwater.relay.end",
    "LimitSettings": "headwater.relay.limit_settings",
    "ServerSettings": "headwater.server.settings",
    "SessionSettings": "headwater.server.settings",
    "RtpSettings": "headwater.transports.settings",
    "TransportKind": "headwater.transports.settings",
    "WebRtcSettings": "headwater.webrtc.settings",
}


def __getattr__(name: str) -> Any:
    """Import a public name, and keep it (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
