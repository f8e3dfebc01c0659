"""An RTSP client: play from another server, and record to it. `docs/client.md` shows how.

What is named here is public and stable, and loaded when it is asked for: a server alone needs no
client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "ClientError": "headwater.client.errors",
    "ClientSettings": "headwater.client.settings",
    "ClientTransport": "headwater.client.settings",
    "ConnectionLostError": "headwater.client.errors",
    "CredentialsError": "headwater.client.errors",
    "EndedError": "headwater.client.errors",
    "Playback": "headwater.client.playback",
    "Recording": "headwater.client.recording",
    "RedirectError": "headwater.client.errors",
    "RefusedError": "headwater.client.errors",
    "RtspClient": "headwater.client.rtsp_client",
    "SilentError": "headwater.client.errors",
    "StepTimeoutError": "headwater.client.errors",
    "TlsError": "headwater.client.errors",
    "TrackBatch": "headwater.client.playback",
    "TransportError": "headwater.client.errors",
    "UnreachableError": "headwater.client.errors",
    "UnusableAnswerError": "headwater.client.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name, and keep it (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
