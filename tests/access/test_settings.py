"""Bounds of the settings of access, and which challenges a set of users allows."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.access.auth_method import AuthMethod
from headwater.access.password import PasswordForm, hash_password
from headwater.access.settings import AccessSettings, UserSettings

MD5, SHA256, BASIC = AuthMethod.DIGEST_MD5, AuthMethod.DIGEST_SHA256, AuthMethod.BASIC


def _user(password: str = "hunter2", name: str = "u", **rights: Any) -> UserSettings:
    return UserSettings(name=name, password=password, **(rights or {"read": ("**",)}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": ""}, "name is ''; it must be printable text without a colon"),
        ({"name": "a:b"}, "name is 'a:b'"),
        ({"name": "a\n"}, "name is"),
        ({"publish": (), "read": ()}, "user u may do nothing; give publish or read patterns"),
        ({"read": ("",)}, "read of user u: '' is no path pattern"),
        ({"publish": ("/a/../b",)}, "publish of user u: '/a/../b' has a dot segment"),
        ({"password": ""}, "password of user u is empty"),
        ({"password": "ha1-md5$hunter2"}, "password of user u must be `ha1-md5"),
    ],
)
def test_user_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("$", r"\$")) as info:
        UserSettings(**({"name": "u", "password": "hunter2", "read": ("**",)} | values))
    assert "hunter2" not in str(info.value)


def test_password_is_in_no_repr() -> None:
    settings = AccessSettings(users=(_user(),))
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(_user())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"realm": ""}, "realm is ''"),
        ({"realm": 'a"b'}, "realm is"),
        ({"realm": "é"}, "realm is"),
        ({"realm": "a:b"}, "realm is"),
        ({"methods": ()}, "methods is empty; give at least one of digest-md5, "),
        ({"methods": (BASIC, BASIC)}, "methods has one twice"),
        ({"users": (_user(), _user("other"))}, r"users\[1\].name is 'u', as users\[0\].name is"),
        ({"anonymous_read": ("..",)}, "anonymous_read: '..' has a dot segment"),
        ({"anonymous_publish": ("\n",)}, r"anonymous_publish: '\\n' is no path pattern"),
        ({"nonce_lifetime_s": 0.0}, "nonce_lifetime_s is 0.0; it must be above 0"),
        ({"brake_window_s": -1.0}, "brake_window_s is -1.0"),
        ({"verified_lifetime_s": -1.0}, "verified_lifetime_s is -1.0; it must be 0 or more"),
        ({"address_failure_limit": -1}, "address_failure_limit is -1"),
        ({"address_pause_s": -1.0}, "address_pause_s is -1.0"),
        ({"user_failure_limit": -1}, "user_failure_limit is -1"),
        ({"user_delay_s": -1.0}, "user_delay_s is -1.0"),
    ],
)
def test_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AccessSettings(**values)


SCRYPT = "scrypt$16$1$1$AAAA$" + "A" * 43 + "="
HA1_MD5 = hash_password("p", form=PasswordForm.HA1_MD5, username="u")
HA1_SHA256 = hash_password("p", form=PasswordForm.HA1_SHA256, username="u")


@pytest.mark.parametrize(
    ("passwords", "offered"),
    [
        ([], (MD5, SHA256, BASIC)),
        (["plain"], (MD5, SHA256, BASIC)),
        ([SCRYPT], (BASIC,)),
        (["plain", SCRYPT], (BASIC,)),
        ([HA1_MD5], (MD5, BASIC)),
        ([HA1_SHA256, "plain"], (SHA256, BASIC)),
        ([HA1_SHA256, HA1_MD5], (BASIC,)),
    ],
)
def test_what_every_user_can_satisfy_is_offered(
    passwords: list[str], offered: tuple[AuthMethod, ...]
) -> None:
    users = tuple(_user(p, name=f"u{number}") for number, p in enumerate(passwords))
    assert AccessSettings(users=users).offered_methods() == offered


def test_methods_keep_the_order_of_the_settings() -> None:
    settings = AccessSettings(methods=(BASIC, SHA256), users=(_user(),))
    assert settings.offered_methods() == (BASIC, SHA256)


def test_users_whom_no_method_fits_are_refused() -> None:
    with pytest.raises(ValueError, match="not one of them fits every user's password form"):
        AccessSettings(methods=(MD5,), users=(_user(SCRYPT),))
