"""Settings of the web's door."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from headwater.applies import NEXT_CONNECTION, NOW, needs_restart
from headwater.setting_fields import Choice, take_fields

ANY_ORIGIN = "*"


class DecodingPlace(Choice):
    """Where pictures and sound are decoded."""

    THREAD = "thread"
    """Beside the loop, in this process."""
    PROCESS = "process"
    """In a process of its own: what kills the decoder kills nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpSettings:
    """The port for browsers. It needs the extra `web`."""

    port: Annotated[
        int | None,
        needs_restart("the port for browsers opens and closes with the server"),
        "TCP port for browsers; 8080 is usual. 0 picks a free port and logs it. Unset: no such "
        "port. It may be one of RTSP's: the server then tells HTTP and RTSP apart by the first "
        "bytes. Users, rules, hooks and `limits` are those of RTSP. If `tls` has a certificate, "
        "the port accepts HTTPS as well as HTTP; the server knows TLS by the first byte.",
    ] = None
    http2_port: Annotated[
        int | None,
        needs_restart("the port for HTTP/2 opens and closes with the server"),
        "TCP port that speaks HTTPS with HTTP/2 as well, as players of Apple want it for "
        "low-latency HLS. It needs `http.port`, a certificate in `tls`, and the extra `http2`. 0 "
        "picks a free port and logs it. Unset: no such port. Everything but WebSockets (MSE) is "
        "served on it.",
    ] = None
    tls_only: Annotated[
        bool,
        NEXT_CONNECTION,
        "Send browsers that come by HTTP to HTTPS, and refuse all else without TLS. It needs a "
        "certificate in `tls`.",
    ] = False
    allowed_origins: Annotated[
        tuple[str, ...],
        NOW,
        "Origins (`https://example.org`) of other sites whose pages may use this server, for "
        "example to show a stream. `*`: every site, so that any page that a viewer has open can "
        "see what needs no password. Empty: only the server's own pages.",
    ] = ()
    login_idle_s: Annotated[
        float,
        NOW,
        "Seconds without a request after which somebody who logged in with a browser has to log "
        "in again. A login lasts seven days at most.",
    ] = 43_200.0

    decode_in: Annotated[
        DecodingPlace,
        NOW,
        "Where pictures for the dashboard and the API are decoded. `thread`: in the server. "
        "`process`: each mount of which somebody wants one has a process of its own until five "
        "seconds later, so that a stream that makes the decoder crash harms nobody. It takes "
        "some 40 MB for each, and Linux or macOS.",
    ] = DecodingPlace.THREAD

    def __post_init__(self) -> None:
        take_fields(self)
        if self.decode_in is DecodingPlace.PROCESS and os.name != "posix":
            raise ValueError("decode_in is process; it needs Linux or macOS")
        if self.port is not None and not 0 <= self.port <= 65535:
            raise ValueError(
                f"port is {self.port}; a port is from 0 (any free one) to 65535, or unset"
            )
        if self.http2_port is not None and not 0 <= self.http2_port <= 65535:
            raise ValueError(
                f"http2_port is {self.http2_port}; a port is from 0 (any free one) to 65535, or "
                "unset"
            )
        if self.http2_port is not None and self.port is None:
            raise ValueError(f"http2_port is {self.http2_port}; it needs http.port")
        if self.login_idle_s <= 0:
            raise ValueError(f"login_idle_s is {self.login_idle_s}; it must be above 0")
        for origin in self.allowed_origins:
            if origin != ANY_ORIGIN and not _is_origin(origin):
                raise ValueError(
                    f"allowed_origins has {origin!r}; an origin is a scheme and a host, such as "
                    "https://example.org, without a path"
                )


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and parts.netloc) and text == f"{parts.scheme}://{parts.netloc}"
