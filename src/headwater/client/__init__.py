"""An RTSP client: play from another server, and record to it. `docs/client.md` shows how.

What is named here is public and stable.
"""

from headwater.client.errors import (
    ClientError,
    ConnectionLostError,
    CredentialsError,
    EndedError,
    RedirectError,
    RefusedError,
    SilentError,
    StepTimeoutError,
    TlsError,
    TransportError,
    UnreachableError,
    UnusableAnswerError,
)
from headwater.client.playback import Playback, TrackBatch
from headwater.client.recording import Recording
from headwater.client.rtsp_client import RtspClient
from headwater.client.settings import ClientSettings, ClientTransport

__all__ = [
    "ClientError",
    "ClientSettings",
    "ClientTransport",
    "ConnectionLostError",
    "CredentialsError",
    "EndedError",
    "Playback",
    "Recording",
    "RedirectError",
    "RefusedError",
    "RtspClient",
    "SilentError",
    "StepTimeoutError",
    "TlsError",
    "TrackBatch",
    "TransportError",
    "UnreachableError",
    "UnusableAnswerError",
]
