"""Password forms: reading, hashing, verifying."""

from __future__ import annotations

import hashlib

import pytest

from headwater.access.auth_method import AuthMethod
from headwater.access.password import PasswordForm, decoy, hash_password, read_password

MD5, SHA256, BASIC = AuthMethod.DIGEST_MD5, AuthMethod.DIGEST_SHA256, AuthMethod.BASIC
KEY = "A" * 43 + "="


@pytest.mark.parametrize("form", [f for f in PasswordForm if f is not PasswordForm.PLAIN])
def test_hashed_password_verifies_and_hides(form: PasswordForm) -> None:
    text = hash_password("hünter2", form=form, username="u", realm="r")
    kept = read_password(text)
    assert kept.form is form
    assert kept.verify("hünter2", username="u", realm="r")
    assert not kept.verify("hunter2", username="u", realm="r")
    assert not kept.verify("", username="u", realm="r")
    assert kept.slow is (form in {PasswordForm.SCRYPT, PasswordForm.PBKDF2_SHA256})
    assert "hünter2" not in text + repr(kept)
    assert text.split("$")[-1] not in repr(kept)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("hunter2", "hunter2"),
        ("pa$$word", "pa$$word"),
        ("$", "$"),
        ("sha$x", "sha$x"),
        ("plain$scrypt$1", "scrypt$1"),
        ("plain$x", "x"),
    ],
)
def test_plain_password(text: str, password: str) -> None:
    kept = read_password(text)
    assert kept.form is PasswordForm.PLAIN
    assert kept.verify(password, username="u", realm="r")
    assert not kept.verify(password + "x", username="u", realm="r")
    assert not kept.slow
    assert password not in repr(kept).replace("PasswordForm.PLAIN", "")


def test_lone_surrogates_are_a_wrong_password() -> None:
    assert not read_password("x").verify("\ud800", username="\ud800", realm="r")


def test_salted_hashes_differ_and_a_given_salt_repeats() -> None:
    assert hash_password("x") != hash_password("x")
    assert hash_password("x", salt=b"s") == hash_password("x", salt=b"s")
    assert hash_password("x").startswith("scrypt$16384$8$1$")


def test_ha1_serves_digest_without_the_plain_text() -> None:
    expected = hashlib.md5(b"u:r:p").hexdigest()
    text = hash_password("p", form=PasswordForm.HA1_MD5, username="u", realm="r")
    assert text == f"ha1-md5${expected}"
    assert read_password(text.upper().replace("HA1-MD5", "ha1-md5")).ha1(
        MD5, username="u", realm="r"
    ) == (expected)
    assert read_password("p").ha1(MD5, username="u", realm="r") == expected
    sha256 = hashlib.sha256(b"u:r:p").hexdigest()
    assert read_password("p").ha1(SHA256, username="u", realm="r") == sha256
    assert read_password(text).ha1(SHA256, username="u", realm="r") is None
    assert read_password("p").ha1(BASIC, username="u", realm="r") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("plain$", "is empty after `plain"),
        ("ha1-md5$123", "and 32 hexadecimal digits"),
        ("ha1-md5$" + "g" * 32, "and 32 hexadecimal digits"),
        ("ha1-sha256$" + "0" * 32, "and 64 hexadecimal digits"),
        ("scrypt$x", r"must be `scrypt\$n\$r\$p\$salt\$hash`"),
        ("scrypt$1$2$3", "must be `scrypt"),
        (f"scrypt$16$1$1$AAAA${KEY}$x", "must be `scrypt"),
        (f"scrypt$a$1$1$AAAA${KEY}", "must be `scrypt"),
        (f"scrypt$-1$1$1$AAAA${KEY}", "must be `scrypt"),
        (f"scrypt$16$1$1$A*A${KEY}", "must be `scrypt"),
        ("scrypt$16$1$1$AAAA$AAAA", "the hash has 32 bytes"),
        (f"scrypt$15$1$1$AAAA${KEY}", "n is a power of two"),
        (f"scrypt$1$1$1$AAAA${KEY}", "n is a power of two"),
        (f"scrypt$16$1$17$AAAA${KEY}", "p from 1 to 16"),
        (f"scrypt$16$0$1$AAAA${KEY}", "128 n r must be"),
        (f"scrypt$1048576$8$1$AAAA${KEY}", "128 n r must be"),
        (f"pbkdf2-sha256$0$AAAA${KEY}", "has 0 iterations"),
        (f"pbkdf2-sha256$99999999$AAAA${KEY}", "from 1 to 10000000 are fine"),
        (f"pbkdf2-sha256$123456789012$AAAA${KEY}", "must be `pbkdf2-sha256"),
    ],
)
def test_unreadable_forms_are_refused_without_being_repeated(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as info:
        read_password(text)
    assert KEY not in str(info.value)


@pytest.mark.parametrize(
    ("password", "form", "message"),
    [
        ("", PasswordForm.SCRYPT, "is empty"),
        ("x", PasswordForm.PLAIN, "plain is no hash"),
        ("x", PasswordForm.HA1_MD5, "holds for one user name"),
    ],
)
def test_what_cannot_be_hashed(password: str, form: PasswordForm, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hash_password(password, form=form)


@pytest.mark.parametrize("text", ["plain", f"pbkdf2-sha256$7$AAAA${KEY}", "ha1-md5$" + "0" * 32])
def test_decoy_costs_the_same_and_fits_nobody(text: str) -> None:
    kept = read_password(text)
    fake = decoy(kept)
    assert (fake.form, fake.cost, len(fake.key)) == (kept.form, kept.cost, len(kept.key))
    assert fake.key != kept.key
    assert not fake.verify("plain", username="u", realm="r")
