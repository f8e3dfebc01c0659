"""Where a client goes, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from headwater.client.errors import RedirectError
from headwater.client.quirks import source_uri
from headwater.client.settings import ClientSettings
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Response
from headwater.protocol.rtsp_uri import RtspUri
from headwater.shown_text import shown


@dataclass(frozen=True, slots=True)
class Target:
    """A URL without its credentials, and these apart.

    Attributes:
        uri: scheme, host, path and query.
        username: the user's name; empty for nobody.
        password: the password.
        name: what logs and errors call it instead of its URL, which may hold a secret.
    """

    uri: RtspUri
    username: str = ""
    password: str = field(default="", repr=False)
    name: str = ""

    @classmethod
    def of(cls, url: str, settings: ClientSettings, name: str = "") -> Self:
        """Read a URL; name and password of the settings go before its own.

        Raises ValueError for what is no RTSP URL; its words hold no password.
        """
        try:
            uri = source_uri(url.strip())
        except ProtocolError as error:
            raise ValueError(f"the URL cannot be used: {error.message}") from None
        if not uri.scheme:
            raise ValueError("the URL is not absolute; write rtsp://host/path")
        return cls(
            _bare(uri),
            settings.username or uri.username or "",
            settings.password or uri.password or "",
            name,
        )

    @property
    def url(self) -> str:
        """The URL as it is asked for."""
        return self.uri.without_credentials

    @property
    def label(self) -> str:
        """What logs and errors call it."""
        return self.name or self.url

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to under TLS."""
        return self.uri.scheme == "rtsps"

    def redirected(self, response: Response, step: str) -> Self:
        """Return where a 3xx leads. Credentials go along to the same host only.

        Raises RedirectError where it leads nowhere, or out of TLS: what was to be encrypted would
        not be any more.
        """
        location = response.headers.get("Location", "")
        try:
            uri = source_uri(location.strip())
        except ProtocolError:
            raise self._refusal(response, step, "and names no other URL in Location") from None
        if uri.host == "" or (self.is_secure and uri.scheme != "rtsps"):
            raise self._refusal(
                response, step, f"to {shown(uri.without_credentials)}, which is not under TLS"
            )
        bare = _bare(uri)
        if uri.host.lower() != self.uri.host.lower():
            return type(self)(bare)
        return type(self)(bare, self.username, self.password)

    def _refusal(self, response: Response, step: str, hint: str) -> RedirectError:
        reason = shown(response.reason or "")
        return RedirectError(response.status, reason, url=self.label, step=step, hint=hint)


def _bare(uri: RtspUri) -> RtspUri:
    return RtspUri(uri.scheme, uri.host, uri.port, None, None, uri.path or "/", uri.query)
