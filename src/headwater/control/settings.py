"""Settings of how a running server is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Final

from headwater.applies import NOW
from headwater.setting_fields import take_fields

AUTO: Final = "auto"
_MAX_PATH_BYTES: Final = 103
"""What every system takes for the path of a unix socket (macOS has 104 bytes, its end included)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlSettings:
    """How a running server is looked at from the same machine."""

    status_socket: Annotated[
        str,
        NOW,
        "Path of the unix socket that `headwater status` asks. Only the server's user can open "
        "it. `auto`: one socket for each user and publish port, in $XDG_RUNTIME_DIR/headwater; "
        "or else in /run/headwater, if this folder belongs to the server's user or the server "
        "runs as root; or else in a private folder for temporary files. Empty: no socket.",
    ] = AUTO

    def __post_init__(self) -> None:
        take_fields(self)
        path = self.status_socket
        if path in {"", AUTO}:
            return
        if not PurePath(path).is_absolute() or "\0" in path:
            raise ValueError(
                f"status_socket is {path!r}; it must be a path from the root, "
                f"`{AUTO}`, or empty for none"
            )
        if len(path.encode()) > _MAX_PATH_BYTES:
            raise ValueError(
                f"status_socket is {path!r}, {len(path.encode())} bytes; a socket's path has at "
                f"most {_MAX_PATH_BYTES}"
            )
