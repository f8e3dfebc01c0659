"""Headwater: an RTSP/RTP streaming media server to run, to embed and to test with."""

from headwater.access.auth_method import AuthMethod
from headwater.access.settings import AccessSettings, UserSettings
from headwater.app.rtsp_server import RtspServer
from headwater.app.threaded_server import ThreadedRtspServer
from headwater.config.settings import LogFormat, LogLevel, LogSettings, Settings
from headwater.control.settings import ControlSettings
from headwater.control.status import Health, ServerStatus
from headwater.hooks import HookRequest, Hooks, HookSettings, Redirect
from headwater.media.settings import MountOverride, MountSettings, SecondPublisher, SlowReaderPolicy
from headwater.media.snapshot import (
    MountSnapshot,
    PublisherSnapshot,
    ReaderSnapshot,
    TrackSnapshot,
)
from headwater.net.settings import ClientCertificates, SocketSettings, TlsSettings, TlsVersion
from headwater.server.counters import ServerCounters
from headwater.server.session import SessionSnapshot
from headwater.server.settings import LimitSettings, ServerSettings, SessionSettings
from headwater.transports.settings import RtpSettings, TransportKind
from headwater.version import __version__

__all__ = [
    "AccessSettings",
    "AuthMethod",
    "ClientCertificates",
    "ControlSettings",
    "Health",
    "HookRequest",
    "HookSettings",
    "Hooks",
    "LimitSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "MountOverride",
    "MountSettings",
    "MountSnapshot",
    "PublisherSnapshot",
    "ReaderSnapshot",
    "Redirect",
    "RtpSettings",
    "RtspServer",
    "SecondPublisher",
    "ServerCounters",
    "ServerSettings",
    "ServerStatus",
    "SessionSettings",
    "SessionSnapshot",
    "Settings",
    "SlowReaderPolicy",
    "SocketSettings",
    "ThreadedRtspServer",
    "TlsSettings",
    "TlsVersion",
    "TrackSnapshot",
    "TransportKind",
    "UserSettings",
    "__version__",
]
