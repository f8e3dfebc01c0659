"""What is to be sent where: one mount, one server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

from headwater.client.settings import ClientSettings
from headwater.client.target import Target

PATH_PLACE: Final = "{path}"


@dataclass(frozen=True, slots=True)
class ForwardOrder:
    """A mount that is to be sent to a server, and how.

    Attributes:
        path: the path of the mount.
        target: where it goes, with credentials.
        settings: how the client connects.
    """

    path: str
    target: Target
    settings: ClientSettings

    @classmethod
    def of(cls, url: str, path: str, settings: ClientSettings) -> Self:
        """Make the order of a mount, `{path}` in the URL filled in.

        Raises ValueError for a URL that cannot be used; its words hold no password.
        """
        inner = quote(path.lstrip("/"), safe="/")
        return cls(path, Target.of(url.replace(PATH_PLACE, inner), settings), settings)

    @property
    def key(self) -> tuple[str, str]:
        """What a server has one of at a time: a mount, and a URL that it goes to."""
        return self.path, self.target.url


def check_target(url: str, settings: ClientSettings) -> None:
    """Raise ValueError for a URL to which nothing can be sent; its words hold no password."""
    try:
        ForwardOrder.of(url, "/path", settings)
    except ValueError as error:
        raise ValueError(f"forward_to: {error}") from None
