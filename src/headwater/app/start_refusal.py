"""Why a server of a program cannot start, in one sentence that says what to do."""

from __future__ import annotations

import errno

from headwater.net.errors import HostUnknownError, SettingPortError

_PRIVILEGED = "ports below 1024 need root or CAP_NET_BIND_SERVICE: choose a higher one"
_PORTS = "publish_port, play_port, http.port"
_REMEDIES = {
    errno.EADDRINUSE: (
        "another program has this port: choose another ({settings}), or 0 for one that is free"
    ),
    errno.EACCES: _PRIVILEGED,
    errno.EPERM: _PRIVILEGED,
    errno.EADDRNOTAVAIL: "give as host an address of this machine, or none to listen on all",
}


def start_refusal(error: OSError) -> OSError:
    """Return the error for the program, of the same number, with what to do behind its words."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None or isinstance(error, HostUnknownError):
        return error
    settings = error.setting if isinstance(error, SettingPortError) else _PORTS
    return OSError(error.errno, f"{error.strerror}; {remedy.format(settings=settings)}")
