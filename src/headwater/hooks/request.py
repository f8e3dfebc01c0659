"""The request as hooks see it: everything but the credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from headwater.side import Side

_CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization"})


class HeaderView(Mapping[str, str]):
    """Read-only headers, names in any case; a repeated header's values are joined by commas."""

    __slots__ = ("_by_name",)

    def __init__(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        self._by_name: dict[str, tuple[str, str]] = {}
        for name, value in headers:
            key = name.lower()
            if key in _CREDENTIAL_HEADERS:
                continue
            known = self._by_name.get(key)
            self._by_name[key] = (
                (name, value) if known is None else (known[0], f"{known[1]}, {value}")
            )

    def __getitem__(self, name: str) -> str:
        return self._by_name[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __repr__(self) -> str:
        return f"HeaderView({sorted(self)})"


@dataclass(frozen=True, kw_only=True, slots=True)
class HookRequest:
    """A request about a mount, as hooks are given it. Holds no credentials.

    `query` and `headers` stay out of `repr`: clients carry tokens there.

    Attributes:
        method: RTSP method.
        uri: request URI without user and password.
        scheme: "rtsp" or "rtsps".
        path: the mount's path, normalised: "/stream1".
        query: query of the URI without "?"; empty when there is none.
        peer: address and port that the request came from.
        side: whether it is about publishing or playing.
        user_agent: the client's name for itself; empty when it gives none.
        auth_scheme: "basic", "digest" …, lower-case; None when no credentials came.
        certificate: the client's verified certificate as `ssl.SSLSocket.getpeercert` decodes it;
            None when it showed none, as it does unless `tls.client_certificates` asks for one.
        headers: every header except those that carry credentials.
        protocol: what the client speaks: "rtsp", "http" …
        token: what the client shows instead of a password: of `Authorization: Bearer`, else of
            `token=` in the query; None without. Never in `repr`, and yours to check.
        action: "look" or "control" where the API is asked for this path (see `api.ask_hooks`), ""
            where it is to be published or played.
    """

    method: str
    uri: str = field(repr=False)
    scheme: str
    path: str
    query: str = field(default="", repr=False)
    peer: tuple[str, int]
    side: Side
    user_agent: str = ""
    auth_scheme: str | None = None
    certificate: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=HeaderView, repr=False)
    protocol: str = "rtsp"
    token: str | None = field(default=None, repr=False)
    action: str = ""

    @classmethod
    def of(
        cls,
        *,
        method: str,
        uri: str,
        path: str,
        query: str,
        headers: Iterable[tuple[str, str]],
        peer: tuple[str, int],
        side: Side,
        certificate: Mapping[str, Any] | None = None,
        protocol: str = "rtsp",
    ) -> HookRequest:
        """Return the view of a request; its credentials, in the URI or in headers, are left out."""
        pairs = list(headers)
        authorization = next((v for n, v in pairs if n.lower() == "authorization"), None)
        view = HeaderView(pairs)
        return cls(
            method=method,
            uri=_without_credentials(uri),
            scheme=uri.partition(":")[0].lower() if "://" in uri else "rtsp",
            path=path,
            query=query,
            peer=peer,
            side=side,
            user_agent=view.get("User-Agent", ""),
            auth_scheme=_scheme_of(authorization),
            certificate=certificate,
            headers=view,
            protocol=protocol,
            token=_token_of(authorization, query),
        )


def _scheme_of(authorization: str | None) -> str | None:
    words = (authorization or "").split(None, 1)
    return words[0].lower() if words else None


def _token_of(authorization: str | None, query: str) -> str | None:
    words = (authorization or "").split()
    if len(words) == 2 and words[0].lower() == "bearer":  # RFC 6750 §2.1
        return words[1]
    if "token=" in query:
        for value in reversed(parse_qs(query).get("token", ())):
            return value
    return None


def _without_credentials(uri: str) -> str:
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
