"""Password forms: plain text and hashes, as they stand in the configuration."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from headwater.access.auth_method import AuthMethod

_SALT_BYTES = 16
_KEY_BYTES = 32
# RFC 7914 §2's figures for interactive use: 16 MiB and some 50 ms. More would let a flood of wrong
# passwords take the CPU from the media; the brake is what stops guessing here.
_SCRYPT_COST = (1 << 14, 8, 1)
_PBKDF2_COST = (300_000,)
_SCRYPT_MAX_MEMORY_BYTES = 64 << 20
_SCRYPT_MAX_PARALLEL = 16
_PBKDF2_MAX_ITERATIONS = 10_000_000


class PasswordForm(StrEnum):
    """How a password is kept."""

    PLAIN = "plain"
    SCRYPT = "scrypt"
    PBKDF2_SHA256 = "pbkdf2-sha256"
    HA1_MD5 = "ha1-md5"
    HA1_SHA256 = "ha1-sha256"


_METHODS_BY_FORM = {
    PasswordForm.PLAIN: frozenset(AuthMethod),
    PasswordForm.SCRYPT: frozenset({AuthMethod.BASIC}),
    PasswordForm.PBKDF2_SHA256: frozenset({AuthMethod.BASIC}),
    PasswordForm.HA1_MD5: frozenset({AuthMethod.BASIC, AuthMethod.DIGEST_MD5}),
    PasswordForm.HA1_SHA256: frozenset({AuthMethod.BASIC, AuthMethod.DIGEST_SHA256}),
}
_FORM_NAMES = frozenset(form.value for form in PasswordForm)
_HA1_ALGORITHMS = {PasswordForm.HA1_MD5: "md5", PasswordForm.HA1_SHA256: "sha256"}
_DIGEST_ALGORITHMS = {AuthMethod.DIGEST_MD5: "md5", AuthMethod.DIGEST_SHA256: "sha256"}


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A password as it is kept. Never shows what it holds.

    Attributes:
        form: how it is kept.
        key: the password's bytes, or its hash.
        salt: salt of the slow hashes.
        cost: scrypt's (n, r, p), or PBKDF2's (iterations,).
    """

    form: PasswordForm
    key: bytes = field(repr=False)
    salt: bytes = field(default=b"", repr=False)
    cost: tuple[int, ...] = ()

    @property
    def methods(self) -> frozenset[AuthMethod]:
        """The challenges that a user with this form can satisfy."""
        return _METHODS_BY_FORM[self.form]

    @property
    def slow(self) -> bool:
        """Whether `verify` takes tens of milliseconds and belongs in a thread."""
        return self.form in {PasswordForm.SCRYPT, PasswordForm.PBKDF2_SHA256}

    def verify(self, password: str, *, username: str, realm: str) -> bool:
        """Return whether this is the password; compared in constant time."""
        given = password.encode("utf-8", "replace")
        derived = _derived(self, given, username=username, realm=realm)
        # Hashed once more, because comparing takes time by the length, and plain text has many.
        return hmac.compare_digest(_sha256(derived), _sha256(self.key))

    def ha1(
        self, method: AuthMethod, *, username: str, realm: str, encoding: str = "utf-8"
    ) -> str | None:
        """H(username:realm:password) in hex (RFC 7616 §3.4.2); None where the form has none.

        A hash that is kept is of UTF-8. The encoding is for plain text that can be written in it.
        """
        if method not in self.methods or method is AuthMethod.BASIC:
            return None
        if self.form is PasswordForm.PLAIN:
            algorithm = _DIGEST_ALGORITHMS[method]
            return _ha1(algorithm, username, realm, self.key, encoding).hex()
        return self.key.hex()


def read_password(text: str) -> StoredPassword:
    """Return a password as the configuration writes it.

    Raises ValueError saying what is wrong with it, without repeating it.
    """
    if not text:
        raise ValueError("is empty")
    prefix, mark, rest = text.partition("$")
    if not mark or prefix not in _FORM_NAMES:
        return StoredPassword(PasswordForm.PLAIN, text.encode())
    form = PasswordForm(prefix)
    match form:
        case PasswordForm.PLAIN:
            if not rest:
                raise ValueError("is empty after `plain$`")
            return StoredPassword(form, rest.encode())
        case PasswordForm.HA1_MD5 | PasswordForm.HA1_SHA256:
            return StoredPassword(form, _ha1_key(form, rest))
        case PasswordForm.SCRYPT | PasswordForm.PBKDF2_SHA256:
            return _slow_password(form, rest)


def hash_password(
    password: str,
    *,
    form: PasswordForm = PasswordForm.SCRYPT,
    username: str = "",
    realm: str = "headwater",
    salt: bytes | None = None,
) -> str:
    """Return the password in a form for the configuration. Slow (tens of milliseconds) by purpose.

    The `ha1-` forms need the user's name and hold only for that name and realm. `salt` is for
    repeatable tests; it is drawn at random otherwise. Raises ValueError for an empty password,
    for `plain`, and for a `ha1-` form without a user name.
    """
    if not password:
        raise ValueError("the password is empty")
    if form is PasswordForm.PLAIN:
        raise ValueError("plain is no hash; write the password itself")
    if form in _HA1_ALGORITHMS:
        if not username:
            raise ValueError(f"{form} holds for one user name; give it")
        return f"{form}${_ha1(_HA1_ALGORITHMS[form], username, realm, password.encode()).hex()}"
    cost = _SCRYPT_COST if form is PasswordForm.SCRYPT else _PBKDF2_COST
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    blank = StoredPassword(form, b"", salt, cost)
    key = _derived(blank, password.encode(), username="", realm="")
    return "$".join([form, *map(str, cost), _base64(salt), _base64(key)])


def decoy(like: StoredPassword) -> StoredPassword:
    """Return a password that nobody knows and that costs as much to verify as `like`."""
    return StoredPassword(
        like.form, secrets.token_bytes(len(like.key)), secrets.token_bytes(_SALT_BYTES), like.cost
    )


def _derived(kept: StoredPassword, password: bytes, *, username: str, realm: str) -> bytes:
    match kept.form:
        case PasswordForm.PLAIN:
            return password
        case PasswordForm.HA1_MD5 | PasswordForm.HA1_SHA256:
            return _ha1(_HA1_ALGORITHMS[kept.form], username, realm, password)
        case PasswordForm.SCRYPT:
            n, r, p = kept.cost
            return hashlib.scrypt(
                password,
                salt=kept.salt,
                n=n,
                r=r,
                p=p,
                maxmem=2 * _SCRYPT_MAX_MEMORY_BYTES,
                dklen=_KEY_BYTES,
            )
        case PasswordForm.PBKDF2_SHA256:
            return hashlib.pbkdf2_hmac("sha256", password, kept.salt, kept.cost[0], _KEY_BYTES)


def _sha256(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _ha1(
    algorithm: str, username: str, realm: str, password: bytes, encoding: str = "utf-8"
) -> bytes:
    text = f"{username}:{realm}:".encode("utf-8", "replace") + password
    # What the encoding cannot say stays UTF-8. A `?` in its place would be a password to guess.
    with suppress(UnicodeError):
        text = text.decode().encode(encoding)
    return hashlib.new(algorithm, text, usedforsecurity=False).digest()


def _ha1_key(form: PasswordForm, text: str) -> bytes:
    digits = 2 * hashlib.new(_HA1_ALGORITHMS[form], usedforsecurity=False).digest_size
    if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", text):
        raise ValueError(f"must be `{form}$` and {digits} hexadecimal digits")
    return bytes.fromhex(text)


def _slow_password(form: PasswordForm, text: str) -> StoredPassword:
    *numbers, salt_text, key_text = text.split("$") if text.count("$") else ("", "")
    counts = tuple(int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) < 12)
    names = ("n", "r", "p") if form is PasswordForm.SCRYPT else ("iterations",)
    shape = f"must be `{form}$" + "$".join(names) + "$salt$hash` with salt and hash in base64"
    if len(numbers) != len(names) or len(counts) != len(names):
        raise ValueError(shape)
    try:
        salt = base64.b64decode(salt_text, validate=True)
        key = base64.b64decode(key_text, validate=True)
    except binascii.Error:
        raise ValueError(shape) from None
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{shape}; the hash has {_KEY_BYTES} bytes")
    if form is PasswordForm.SCRYPT:
        n, r, p = counts
        if n < 2 or n & (n - 1) or not 1 <= p <= _SCRYPT_MAX_PARALLEL:
            raise ValueError(f"has n {n}, p {p}; n is a power of two, p from 1 to 16")
        if not 0 < 128 * n * r <= _SCRYPT_MAX_MEMORY_BYTES:
            raise ValueError(f"has n {n}, r {r}; 128 n r must be from 1 byte to 64 MiB")
    elif not 1 <= counts[0] <= _PBKDF2_MAX_ITERATIONS:
        raise ValueError(f"has {counts[0]} iterations; from 1 to {_PBKDF2_MAX_ITERATIONS} are fine")
    return StoredPassword(form, key, salt, counts)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
