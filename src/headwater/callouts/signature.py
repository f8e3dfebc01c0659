"""Signs what is sent to a webhook, as the Standard Webhooks have it (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

_PREFIX: Final = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the key of a secret: base64 behind `whsec_`, else the text itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def signature_headers(secret: str, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of one POST: its id, when it was sent, and where signed, the proof."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(at_s)}
    if secret:
        signed = f"{message_id}.{at_s}.".encode() + body
        digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode('ascii')}"
    return headers
