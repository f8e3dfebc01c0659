"""Headwater: an RTSP/RTP streaming media server to run, to embed and to test with."""

from headwater.app.rtsp_server import RtspServer
from headwater.app.threaded_server import ThreadedRtspServer
from headwater.config.settings import Settings
from headwater.control.settings import ControlSettings
from headwater.control.status import ServerStatus
from headwater.hooks import HookRequest, Hooks, Redirect
from headwater.media.settings import MountOverride, MountSettings
from headwater.media.snapshot import MountSnapshot
from headwater.server.session import SessionSnapshot
from headwater.version import __version__

__all__ = [
    "ControlSettings",
    "HookRequest",
    "Hooks",
    "MountOverride",
    "MountSettings",
    "MountSnapshot",
    "Redirect",
    "RtspServer",
    "ServerStatus",
    "SessionSnapshot",
    "Settings",
    "ThreadedRtspServer",
    "__version__",
]
