"""A STUN or TURN server that browsers may use to reach this one (RFC 7064, RFC 7065)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_FORM = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:(?P<user>[^:@\s]+):(?P<password>[^@\s]+)@)?"
    r"(?P<place>[A-Za-z0-9.\-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)"
    r"(?P<query>\?transport=(?:udp|tcp))?"
)


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server, with what it wants to be shown."""

    url: str
    username: str = ""
    password: str = ""

    @classmethod
    def parse(cls, text: str) -> IceServer:
        """Read `stun:host:port`, or `turn:user:password@host:port?transport=udp`.

        Raises ValueError where it is neither.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(
                "it is neither stun:HOST:PORT nor turn:USER:PASSWORD@HOST:PORT, which may end with "
                "?transport=udp or ?transport=tcp"
            )
        is_turn = found["scheme"].startswith("turn")
        if is_turn != bool(found["user"]):
            raise ValueError("turn: needs USER:PASSWORD@ in front of the host, and stun: has none")
        return cls(
            f"{found['scheme']}:{found['place']}{found['query'] or ''}",
            unquote(found["user"] or ""),
            unquote(found["password"] or ""),
        )

    @property
    def link(self) -> str:
        """The value of a `Link` header (RFC 9725 §4.6)."""
        parts = [f"<{self.url}>", 'rel="ice-server"']
        if self.username:
            parts += [
                f'username="{_quoted(self.username)}"',
                f'credential="{_quoted(self.password)}"',
                'credential-type="password"',
            ]
        return "; ".join(parts)

    @property
    def told(self) -> dict[str, str]:
        """What `RTCPeerConnection` takes of it."""
        if not self.username:
            return {"urls": self.url}
        return {"urls": self.url, "username": self.username, "credential": self.password}


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
