"""Settings of access: users, their rights, how they prove who they are, and the brake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from headwater.access.auth_method import AuthMethod
from headwater.access.outside_settings import AskSettings, JwtSettings
from headwater.access.password import read_password
from headwater.applies import NOW
from headwater.protocol.path_pattern import check_pattern
from headwater.setting_fields import take_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class UserSettings:
    """One user: name, password, and what the user may publish and read."""

    name: Annotated[str, NOW, "The user's name; without a colon."]
    password: Annotated[
        str,
        NOW,
        "The password: as plain text, or hashed as `headwater hash-password` prints it "
        "(`scrypt$…`, `pbkdf2-sha256$…`, `ha1-md5$…`, `ha1-sha256$…`). `plain$` before a plain "
        "text that begins like one of these keeps it plain. Digest needs a plain or a `ha1-` one.",
    ] = field(repr=False)
    publish: Annotated[
        tuple[str, ...],
        NOW,
        "Patterns of paths that the user may publish: `*` stands for anything but a slash, `**` "
        "for anything, `?` for one character. Other paths are answered 403.",
    ] = ()
    read: Annotated[
        tuple[str, ...],
        NOW,
        "Patterns of paths that the user may read, as in `publish`.",
    ] = ()
    look: Annotated[
        tuple[str, ...],
        NOW,
        "Patterns of paths of which the user may see who uses them and how they do.",
    ] = ()
    control: Annotated[
        tuple[str, ...],
        NOW,
        "Patterns of paths that the user may control: close them, send their peers away.",
    ] = ()

    def __post_init__(self) -> None:
        take_fields(self)
        # RFC 7617 §2: a user-id with a colon cannot be sent in Basic credentials.
        if not self.name or ":" in self.name or not self.name.isprintable():
            raise ValueError(
                f"name is {self.name!r}; it must be printable text without a colon, not empty"
            )
        if not (self.publish or self.read or self.look or self.control):
            raise ValueError(
                f'user {self.name} may do nothing; give publish or read patterns, such as "**"'
            )
        _check_patterns(f"publish of user {self.name}", self.publish)
        _check_patterns(f"read of user {self.name}", self.read)
        _check_patterns(f"look of user {self.name}", self.look)
        _check_patterns(f"control of user {self.name}", self.control)
        try:
            read_password(self.password)
        except ValueError as error:
            raise ValueError(f"password of user {self.name} {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessSettings:
    """Who may publish and read what, and how wrong passwords are slowed down."""

    realm: Annotated[
        str,
        NOW,
        "The realm in challenges. Passwords kept as `ha1-…` are bound to it and to the user name.",
    ] = "headwater"
    methods: Annotated[
        tuple[AuthMethod, ...],
        NOW,
        "Challenges that a 401 offers, in this order. A challenge that some user's form of "
        "password cannot answer is left out: `scrypt` and `pbkdf2-sha256` allow only Basic, "
        "`ha1-md5` and `ha1-sha256` allow Basic and their own digest.",
    ] = (AuthMethod.DIGEST_MD5, AuthMethod.DIGEST_SHA256, AuthMethod.BASIC)
    users: Annotated[
        tuple[UserSettings, ...],
        NOW,
        "Users. Without any, everybody may do what `anonymous_publish` and `anonymous_read` say.",
    ] = ()
    anonymous_publish: Annotated[
        tuple[str, ...] | None,
        NOW,
        "Patterns of paths that anybody may publish without a password. Unset: all paths while "
        "there are no users and no tokens (`access.jwt`), else none.",
    ] = None
    anonymous_read: Annotated[
        tuple[str, ...] | None,
        NOW,
        "Patterns of paths that anybody may read without a password. Unset: as "
        "`anonymous_publish`.",
    ] = None
    nonce_lifetime_s: Annotated[
        float,
        NOW,
        "Seconds that a digest nonce is valid. After that the server tells the client "
        "stale=true, and the client answers again by itself.",
    ] = 300.0
    verified_lifetime_s: Annotated[
        float,
        NOW,
        "Seconds that the server remembers a right `scrypt` or `pbkdf2-sha256` password (as a "
        "keyed hash, in memory), so that it need not compute the slow hash for each request.",
    ] = 300.0
    brake_window_s: Annotated[
        float,
        NOW,
        "Seconds within which wrong passwords are counted, for each address and for each user.",
    ] = 60.0
    address_failure_limit: Annotated[
        int,
        NOW,
        "Wrong passwords from one address (IPv6: one /64) within the window. After that, "
        "requests with a password from this address are answered 503 with Retry-After, and the "
        "password is not checked. No more than this number are checked at the same time; other "
        "attempts from the address wait. 0: no limit.",
    ] = 20
    brake_ipv6_prefix_bits: Annotated[
        int,
        NOW,
        "How many leading bits of an IPv6 address count as one address for the brake, because "
        "one site usually has a whole /64 to guess from. 128: each address counts by itself.",
    ] = 64
    address_pause_s: Annotated[
        float,
        NOW,
        "Seconds for which the server refuses such an address.",
    ] = 60.0
    user_failure_limit: Annotated[
        int,
        NOW,
        "Wrong passwords for one user from all addresses within the window. After that, each "
        "further attempt for this user waits `user_delay_s`. Addresses from which the user has "
        "logged in before do not wait. 0: no limit.",
    ] = 50
    user_delay_s: Annotated[
        float,
        NOW,
        "Seconds that an attempt for such a user waits before it is checked.",
    ] = 2.0
    jwt: JwtSettings = field(default_factory=JwtSettings)
    ask: AskSettings = field(default_factory=AskSettings)

    def __post_init__(self) -> None:
        take_fields(self)
        if not self.realm or not self.realm.isascii() or any(c in self.realm for c in '"\\:\r\n'):
            raise ValueError(
                f"realm is {self.realm!r}; it must be ASCII text without quotes, backslash or colon"
            )
        if not self.methods:
            raise ValueError("methods is empty; give at least one of " + ", ".join(AuthMethod))
        if len(set(self.methods)) != len(self.methods):
            raise ValueError(f"methods has one twice: {', '.join(self.methods)}")
        _check_names_differ(self.users)
        _check_patterns("anonymous_publish", self.anonymous_publish or ())
        _check_patterns("anonymous_read", self.anonymous_read or ())
        for name in ("nonce_lifetime_s", "brake_window_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in (
            "verified_lifetime_s",
            "address_failure_limit",
            "address_pause_s",
            "user_failure_limit",
            "user_delay_s",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if not 1 <= self.brake_ipv6_prefix_bits <= 128:
            raise ValueError(
                f"brake_ipv6_prefix_bits is {self.brake_ipv6_prefix_bits}; it must be from 1 to 128"
            )
        if self.users and not self.offered_methods():
            raise ValueError(
                f"methods is {', '.join(self.methods)}; not one of them fits every user's "
                'password form: add "basic", or keep passwords as plain text or `ha1-`'
            )

    @property
    def lets_strangers_in(self) -> bool:
        """Whether nobody can show who they are, so that all may do all."""
        return not (self.users or self.jwt.enabled)

    def offered_methods(self) -> tuple[AuthMethod, ...]:
        """Return the methods, in order, that every user can satisfy.

        Every user, not some: clients take the strongest challenge that they are offered, and a
        user whose hashed password cannot serve it would be refused for ever. Where there are only
        tokens, which players send as a password, it is Basic.
        """
        if self.jwt.enabled and not self.users:
            return (AuthMethod.BASIC,)
        able = [read_password(user.password).methods for user in self.users]
        return tuple(m for m in self.methods if all(m in methods for methods in able))


def _check_names_differ(users: tuple[UserSettings, ...]) -> None:
    first: dict[str, int] = {}
    for index, user in enumerate(users):
        earlier = first.setdefault(user.name, index)
        if earlier != index:
            raise ValueError(
                f"users[{index}].name is {user.name!r}, as users[{earlier}].name is; a name may "
                "stand once"
            )


def _check_patterns(where: str, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        try:
            check_pattern(pattern)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
