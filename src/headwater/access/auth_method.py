"""The ways to prove who one is."""

from __future__ import annotations

from collections.abc import Collection

from headwater.setting_fields import Choice

_MD5_CURE = "offer digest-md5 too: access.methods, and passwords in a form that allows it"


class AuthMethod(Choice):
    """A challenge that a 401 may offer."""

    DIGEST_MD5 = "digest-md5"
    DIGEST_SHA256 = "digest-sha256"
    BASIC = "basic"


def shut_out_md5(offered: Collection[AuthMethod]) -> bool:
    """Return whether players that know only MD5 cannot log in: they take any Digest first."""
    return AuthMethod.DIGEST_SHA256 in offered and AuthMethod.DIGEST_MD5 not in offered


def with_offer(complaint: str, offered: Collection[AuthMethod]) -> str:
    """Return the complaint, with the methods offered and, if no player has one, the cure."""
    told = f"{complaint}; offered: {', '.join(offered)}"
    return f"{told}; {_MD5_CURE}" if shut_out_md5(offered) else told
