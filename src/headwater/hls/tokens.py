"""Tokens in the addresses of playlists: who watches what, signed, since HLS has no connection."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

_KEY_BYTES: Final = 32
_MOST_CHARACTERS: Final = 128
_SIGNATURE_CHARACTERS: Final = 32


class Tokens:
    """Makes tokens and reads them, with a key that dies with the server."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_BYTES)

    def make(self, viewer_id: str, path: str) -> str:
        """Return a token for a viewer of the mount at a path."""
        return f"{viewer_id}-{self._signature(viewer_id, path)}"

    def read(self, token: str, path: str) -> str | None:
        """Return whose token it is; None where it is none of ours for this path."""
        if len(token) > _MOST_CHARACTERS or not token.isascii():
            return None
        viewer_id, _, signature = token.partition("-")
        wanted = self._signature(viewer_id, path)
        return viewer_id if hmac.compare_digest(signature, wanted) else None

    def _signature(self, viewer_id: str, path: str) -> str:
        told = f"{viewer_id}\0{path}".encode()
        return hmac.new(self._key, told, hashlib.sha256).hexdigest()[:_SIGNATURE_CHARACTERS]
