"""Settings of the API for programs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated, Final

from headwater.applies import NOW, needs_restart
from headwater.protocol.path_pattern import check_pattern
from headwater.setting_fields import take_fields
from headwater.sources.schemes import SCHEMES

_HASHED: Final = re.compile(r"sha256\$[0-9a-f]{64}")
_LEAST_TOKEN_CHARACTERS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSettings:
    """A token of a program, which sends it as `Authorization: Bearer …`."""

    name: Annotated[str, NOW, "What the log calls the program."]
    token: Annotated[
        str,
        NOW,
        "The token, of at least 20 characters; or `sha256$` and its SHA-256 in hexadecimal, so "
        "that the file does not tell it.",
    ] = field(repr=False)
    look: Annotated[
        tuple[str, ...],
        NOW,
        "Patterns of paths of which the program may see who uses them and how they do. The server "
        "as a whole counts as the path `/`, which `**` covers.",
    ] = ()
    control: Annotated[
        tuple[str, ...],
        NOW,
        "Patterns of paths that the program may control: close them, send their peers away, give "
        "them sources.",
    ] = ()

    def __post_init__(self) -> None:
        take_fields(self)
        if not self.name or not self.name.isprintable():
            raise ValueError(f"name is {self.name!r}; it must be printable text, not empty")
        if not (self.look or self.control):
            raise ValueError(f'token {self.name} may do nothing; give look patterns, such as "**"')
        for pattern in (*self.look, *self.control):
            try:
                check_pattern(pattern)
            except ValueError as error:
                raise ValueError(f"look or control of token {self.name}: {error}") from None
        if self.token.startswith("sha256$"):
            if not _HASHED.fullmatch(self.token):
                raise ValueError(f"token of {self.name} is no sha256$ and 64 hexadecimal digits")
        elif len(self.token) < _LEAST_TOKEN_CHARACTERS:
            raise ValueError(
                f"token of {self.name} is shorter than {_LEAST_TOKEN_CHARACTERS} characters, and "
                "could be guessed"
            )

    @property
    def digest(self) -> str:
        """The SHA-256 of the token, in hexadecimal."""
        if self.token.startswith("sha256$"):
            return self.token.partition("$")[2]
        return hashlib.sha256(self.token.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiSettings:
    """The API for programs, at `/v1` on the port for browsers, and the metrics at `/metrics`.

    Without a user who has `look` or `control` and without tokens, they answer to programs on the
    same machine alone.
    """

    tokens: Annotated[tuple[TokenSettings, ...], NOW, "Tokens of programs."] = ()
    ask_hooks: Annotated[
        bool,
        NOW,
        "Have the hooks `authentication` and `check_mount` of the playing side decide who may use "
        "the API, instead of users and tokens. They see in `request.action` what is asked for: "
        '"look" or "control". If not set, '
        "the users and tokens of the settings decide alone, because a hook that lets everybody "
        "play would let everybody control.",
    ] = False

    sources_file: Annotated[
        str,
        needs_restart("what was added is in the file that the server began with"),
        "Path of the file that keeps the sources added by the API over a restart. `auto`: "
        "`sources-PORT.json`, with the publish port, in $STATE_DIRECTORY (which systemd sets), or "
        "else in `headwater` of $XDG_STATE_HOME or of ~/.local/state; none if the port is 0. "
        "Empty: they are forgotten at the stop.",
    ] = "auto"
    source_schemes: Annotated[
        tuple[str, ...],
        NOW,
        "Schemes of the URLs that the API may add as sources. `file` and `command` let whoever may "
        "`control` a path read files and run programs as the server.",
    ] = ("rtsp", "rtsps")
    source_networks: Annotated[
        tuple[str, ...],
        NOW,
        "Networks of private addresses, such as `192.168.0.0/16`, to which sources added by the "
        "API may lead. Empty: they may lead to public addresses only.",
    ] = ()
    metrics_mounts: Annotated[
        int,
        NOW,
        "Mounts that have labels of their own in the metrics, in the order of their paths. The "
        "others are counted together.",
    ] = 200

    def __post_init__(self) -> None:
        take_fields(self)
        for scheme in self.source_schemes:
            if scheme not in SCHEMES:
                raise ValueError(f"source_schemes has {scheme!r}; there are {', '.join(SCHEMES)}")
        for network in self.source_networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"source_networks has {network!r}: {error}") from None
        if self.metrics_mounts < 0:
            raise ValueError(f"metrics_mounts is {self.metrics_mounts}; it must be 0 or more")
        names = [token.name for token in self.tokens]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"tokens has the name {name!r} twice; a name may stand once")
