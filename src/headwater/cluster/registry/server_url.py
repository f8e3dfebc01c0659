"""Where the registry is: one server, servers under Sentinel, or a Redis Cluster, by one URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import unquote, urlsplit

from headwater.shown_text import url_without_credentials

_PORTS = {"": 6379, "cluster": 6379, "sentinel": 26379}


class Shape(StrEnum):
    """How many servers there are, and who says which of them is asked."""

    SINGLE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A URL of the registry, read.

    Attributes:
        shape: of which kind.
        hosts: names or addresses and ports.
        username, password: of the server; empty for none.
        tls: whether it is spoken to under TLS.
        database: its number.
        service: what Sentinel calls the servers.
        socket_path: of a server on this machine; empty for one that is reached by TCP.
    """

    shape: Shape
    hosts: Sequence[tuple[str, int]] = ()
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    database: int = 0
    service: str = ""
    socket_path: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """Read it. Raises ValueError, whose words hold no password."""
        scheme, _, rest = url.partition("://")
        base, _, shape_name = scheme.lower().partition("+")
        try:
            shape = Shape(shape_name)
            parts = urlsplit(f"redis://{rest}")
            if base == "unix":
                return cls(
                    shape,
                    username=unquote(parts.username or ""),
                    password=unquote(parts.password or ""),
                    socket_path=_required(unquote(parts.path)),
                )
            if base not in {"redis", "rediss", "valkey", "valkeys"}:
                raise ValueError(base)
            netloc = parts.netloc.rpartition("@")[2]
            hosts = tuple(_host(each, _PORTS[shape]) for each in netloc.split(","))
            names = [unquote(each) for each in parts.path.split("/") if each]
            service = _required(names.pop(0)) if shape is Shape.SENTINEL else ""
            database = int(names.pop(0)) if names else 0
            if names or (shape is not Shape.SENTINEL and len(hosts) > 1 and shape is Shape.SINGLE):
                raise ValueError(parts.path)
            login = parts.netloc.rpartition("@")[0]
            username, _, password = login.partition(":")
        except (ValueError, IndexError):
            raise ValueError(
                f"{url_without_credentials(url)!r} is no URL of a registry; write "
                "redis://user:password@host:6379/0, rediss:// for TLS, unix:///path, "
                "redis+sentinel://host1,host2/service, or redis+cluster://host1,host2"
            ) from None
        return cls(
            shape,
            hosts,
            unquote(username),
            unquote(password),
            base in {"rediss", "valkeys"},
            database,
            service,
        )


def _required(text: str) -> str:
    if not text:
        raise ValueError("nothing there")
    return text


def _host(text: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return _required(parts.hostname or ""), parts.port or default_port
