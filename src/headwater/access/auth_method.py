"""The ways to prove who one is."""

from __future__ import annotations

from headwater.setting_fields import Choice


class AuthMethod(Choice):
    """A challenge that a 401 may offer."""

    DIGEST_MD5 = "digest-md5"
    DIGEST_SHA256 = "digest-sha256"
    BASIC = "basic"
