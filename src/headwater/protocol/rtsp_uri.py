"""RTSP URIs as clients write them, and the mount path they name."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote, unquote_to_bytes

from headwater.protocol.errors import ProtocolError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_DEFAULT_PORTS = {"rtsp": 554, "rtspu": 554, "rtsps": 322}
_AUTHORITY_END = re.compile(r"[/?]|\Z")
_PORT = re.compile(r"[0-9]{0,5}")
_IPV6_LITERAL = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~%\-]+)?)\](?::(.*))?")
# What most paths are: nothing to decode, to refuse or to drop.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_=~\-][A-Za-z0-9_=~.\-]*)+")
_UNSAFE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")
_LONGEST_REMEMBERED = 512
_WHERE = "request URI"


@dataclass(frozen=True, slots=True)
class RtspUri:
    """An RTSP URI in its parts (RFC 2326 §3.2).

    Attributes:
        scheme: "rtsp", "rtsps" or "rtspu"; empty when the URI was a path alone.
        host: name or address, IPv6 without brackets; empty when the URI was a path alone.
        port: the port written in the URI, None without one.
        username: decoded; None without one.
        password: decoded; None without one.
        path: as it came, with its percent-encoding; empty or beginning with "/". "*" for the
            server as a whole.
        query: as it came, without its question mark.
    """

    scheme: str
    host: str
    port: int | None
    username: str | None
    password: str | None = field(repr=False)
    path: str
    query: str

    @classmethod
    def parse(cls, uri: str) -> "RtspUri":
        """Read a request URI: absolute, a path alone, or "*".

        Liberal in path and credentials (blanks, "@", "%" and non-ASCII may stand unencoded), for
        users paste what their player took.

        Raises:
            ProtocolError: 400, saying what cannot be read.
        """
        # A session's requests repeat the same few URIs; one with credentials is not kept, nor is
        # what takes much memory.
        remembered = "@" not in uri and len(uri) <= _LONGEST_REMEMBERED
        return cls._remembered(uri) if remembered else cls._read(uri)

    @classmethod
    @lru_cache(maxsize=512)
    def _remembered(cls, uri: str) -> "RtspUri":
        return cls._read(uri)

    @classmethod
    def _read(cls, uri: str) -> "RtspUri":
        if unsafe := _UNSAFE.search(uri):
            raise ProtocolError("control character", where=_WHERE, offset=unsafe.start())
        if uri == "*":
            return cls("", "", None, None, None, "*", "")
        if uri.startswith("/"):
            path, _, query = uri.partition("?")
            return cls("", "", None, None, None, path, query)
        scheme_match = _SCHEME.match(uri)
        if scheme_match is None:
            raise ProtocolError("not absolute; write rtsp://host/path", where=_WHERE, offset=0)
        scheme = scheme_match[1].lower()
        if scheme not in _DEFAULT_PORTS:
            raise ProtocolError("the scheme is not one of RTSP", where=_WHERE, offset=0)
        start = scheme_match.end()
        end_match = _AUTHORITY_END.search(uri, start)
        end = end_match.start() if end_match else len(uri)
        userinfo, at, host_port = uri[start:end].rpartition("@")
        username, colon, password = userinfo.partition(":")
        host, port = _host_and_port(host_port, offset=end - len(host_port))
        path, _, query = uri[end:].partition("?")
        return cls(
            scheme,
            host,
            port,
            unquote(username) if at else None,
            unquote(password) if colon else None,
            path,
            query,
        )

    @property
    def effective_port(self) -> int:
        """The port, or the default of the scheme: 554, for rtsps 322 (RFC 7826 §4.2)."""
        return self.port if self.port is not None else _DEFAULT_PORTS.get(self.scheme, 554)

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URI, IPv6 in brackets, no credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def without_credentials(self) -> str:
        """The URI as text without user and password: for answers and logs."""
        query = f"?{self.query}" if self.query else ""
        prefix = f"{self.scheme}://{self.authority}" if self.scheme else ""
        return f"{prefix}{self.path}{query}"

    def __str__(self) -> str:
        return self.without_credentials


def mount_path(uri: RtspUri) -> str:
    """Return the path of the mount that the URI names: decoded, "/a/b", "/" for none.

    Empty segments and a slash at the end are dropped. The query has no part in it.

    Raises:
        ProtocolError: 400 for a path that is no UTF-8, holds a control character or is "*";
            403 for dot segments and backslashes, which could mean another place to whoever
            maps paths to files (also when they came percent-encoded).
    """
    return decoded_path(uri.path)


def decoded_path(path: str) -> str:
    """Return a path as `mount_path` does, given as text.

    Raises:
        ProtocolError: as `mount_path`.
    """
    if _PLAIN_PATH.fullmatch(path):
        return path
    if path == "*":
        raise ProtocolError("names no mount", where=_WHERE)
    try:
        decoded = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolError("the path is not UTF-8", where=_WHERE) from None
    if _CONTROL_CHARACTER.search(decoded):
        raise ProtocolError("control character in the path", where=_WHERE)
    segments = [*filter(None, decoded.split("/"))]
    if "\\" in decoded or "." in segments or ".." in segments:
        raise ProtocolError("dot segment or backslash in the path", status=403, where=_WHERE)
    return "/" + "/".join(segments)


def _host_and_port(text: str, *, offset: int) -> tuple[str, int | None]:
    if text.startswith("["):
        literal = _IPV6_LITERAL.fullmatch(text)
        if literal is None:
            raise ProtocolError("the IPv6 address cannot be read", where=_WHERE, offset=offset)
        host, port_text = literal[1], literal[2] or ""
    else:
        host, _, port_text = text.partition(":")
    if not host or " " in host:
        raise ProtocolError("the host is missing", where=_WHERE, offset=offset)
    if not _PORT.fullmatch(port_text) or (port_text and not 1 <= int(port_text) <= 65_535):
        raise ProtocolError("the port must be from 1 to 65535", where=_WHERE, offset=offset)
    return host, int(port_text) if port_text else None
