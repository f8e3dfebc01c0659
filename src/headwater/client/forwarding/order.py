"""What is to be sent where: one mount, one server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote

from headwater.client.settings import ClientSettings
from headwater.client.target import Target
from headwater.client.url_secrets import with_secrets
from headwater.shown_text import without_credentials

_PATH_PLACE: Final = re.compile(r"(?<!\$)\{path\}")


@dataclass(frozen=True, slots=True)
class ForwardOrder:
    """A mount that is to be sent to a server, and how.

    Attributes:
        path: the path of the mount.
        url: where it goes, with credentials, or what stands for them.
        target: the same, taken apart.
        settings: how the client connects.
    """

    path: str
    url: str = field(repr=False)
    target: Target
    settings: ClientSettings

    @classmethod
    def of(cls, url: str, path: str, settings: ClientSettings) -> Self:
        """Make the order of a mount, `{path}` in the URL filled in.

        Raises ValueError for a URL that cannot be used; its words hold no password.
        """
        # A dollar in front of it makes it a variable.
        inner = quote(path.lstrip("/"), safe="/")
        filled = _PATH_PLACE.sub(lambda _: inner, url)
        return cls(path, filled, Target.of(filled, settings), settings)

    def opened(self) -> tuple[Target, tuple[str, ...]]:
        """Return where it goes, `${NAME}` and `${file:…}` put in, and the secrets that were.

        Raises SecretMissing; ValueError where the URL then cannot be used.
        """
        url, secrets = with_secrets(self.url)
        return Target.of(url, self.settings), secrets

    @property
    def shown_url(self) -> str:
        """Where it goes, as logs and status call it: without a login, and tokens in its query."""
        return without_credentials(self.target.url)

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
