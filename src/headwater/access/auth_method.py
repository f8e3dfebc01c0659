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
    """Whether players that know Digest with MD5 alone cannot log in: they take any Digest first."""
    return AuthMethod.DIGEST_SHA256 in offered and AuthMethod.DIGEST_MD5 not in offered


def with_offer(complaint: str, offered: Collection[AuthMethod]) -> str:
    """The complaint with what would have been of use; with the cure where players have none."""
    told = f"{complaint}; offered: {', '.join(offered)}"
    return f"{told}; {_MD5_CURE}" if shut_out_md5(offered) else told
