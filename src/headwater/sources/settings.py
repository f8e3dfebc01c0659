"""Settings of sources: of each path, and of all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.applies import NOW
from headwater.client.settings import ClientTransport
from headwater.net.client_tls import fingerprint_of
from headwater.setting_fields import take_fields
from headwater.shown_text import url_without_credentials
from headwater.sources.schemes import scheme_of, split_command


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSettings:
    """What a path is filled from, for paths that the server fetches by itself."""

    source: Annotated[
        str,
        NOW,
        "URL that the server fetches this path from: `rtsp://user:password@host/path`, `rtsps://`, "
        "`file:/path/film.mp4` (played round and round), `command:` and a program that publishes "
        "to the server, or what else PyAV opens (`srt:`, `rtmp:`, `http:`, `udp:` and others). "
        "`${NAME}` stands for a variable of the server's environment, and "
        "`${file:/path}` for the first line of a file. If the section's name is a pattern, `{1}` "
        "stands for what its first `*`, `**` or `?` matched, and the server fetches a path when a "
        "reader asks for it. Nobody else can publish on a path with a source. Empty: none.",
    ] = ""
    fallback: Annotated[
        tuple[str, ...],
        NOW,
        "URLs of the sources that stand in, in this order, while those before them are down. One "
        "must have the same codecs and clock rates as what readers play. A source that is back "
        "takes over once it has run for 10 seconds.",
    ] = ()
    transport: Annotated[
        ClientTransport,
        NOW,
        "How the source's media comes: `udp`, `tcp` (inside the RTSP connection), `multicast`, or "
        "`auto` (if not set): UDP, and TCP if UDP does not lead here.",
    ] = ClientTransport.AUTO
    on_demand: Annotated[
        bool,
        NOW,
        "The server fetches the source only while it has readers, or somebody asks for it. If not "
        "set, it always fetches what a section names by a path, and on demand what it names by a "
        "pattern.",
    ] = False
    on_demand_start_s: Annotated[
        float,
        NOW,
        "Longest time, in seconds, that a reader's DESCRIBE waits for a source to start (10 if not "
        "set). Then the reader gets 504.",
    ] = 10.0
    on_demand_linger_s: Annotated[
        float,
        NOW,
        "Seconds after the last reader has left until a source that is fetched on demand is ended "
        "(15 if not set).",
    ] = 15.0
    user_agent: Annotated[
        str, NOW, "What the server calls itself to the source. Empty: `Headwater/` and its version."
    ] = ""
    range: Annotated[
        str,
        NOW,
        "The Range that the source is asked to play, such as `npt=0-` or "
        "`clock=20260101T120000Z-`. Empty: all of it, or what is live.",
    ] = ""
    fingerprint: Annotated[
        str,
        NOW,
        "SHA-256 fingerprint of the source's certificate (rtsps), in hexadecimal. The server then "
        "trusts this certificate alone, whoever signed it.",
    ] = ""
    ca_file: Annotated[
        str,
        NOW,
        "Path of the certificates (PEM) of the authorities that are trusted for the source "
        "(rtsps). Empty: those of the system.",
    ] = ""
    any_port: Annotated[
        bool,
        NOW,
        "Take the source's UDP media from any port of its address, for cameras that send from "
        "other ports than they say.",
    ] = False

    def __post_init__(self) -> None:
        take_fields(self)
        if self.source:
            _check_url("source", self.source)
        for url in self.fallback:
            _check_url("fallback", url)
        for name in ("on_demand_start_s", "on_demand_linger_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.fingerprint:
            fingerprint_of(self.fingerprint)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcesSettings:
    """How the server treats all sources together."""

    starts_at_once: Annotated[
        int,
        NOW,
        "Most sources that are being started at a time. The others wait for their turn, so that "
        "many cameras do not start in step. Those that readers wait for have turns of their own.",
    ] = 16
    most_wait_s: Annotated[
        float,
        NOW,
        "Longest time, in seconds, between two tries to start a source. It is 1 s after the first "
        "failure, and doubles with each further one. A source that has played for a minute counts "
        "as new: its next failure is a first one.",
    ] = 60.0
    on_demand_paths: Annotated[
        int,
        NOW,
        "Most paths at a time that readers can have started by asking for them, of all patterns "
        "together. A reader of a further one gets 503.",
    ] = 256

    def __post_init__(self) -> None:
        take_fields(self)
        for name in ("starts_at_once", "on_demand_paths"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.most_wait_s < 1:
            raise ValueError(f"most_wait_s is {self.most_wait_s}; it must be 1 or more")


def _check_url(name: str, url: str) -> None:
    try:
        if scheme_of(url) == "command":
            split_command(url)
    except ValueError as error:
        raise ValueError(f"{name} is {url_without_credentials(url)!r}: {error}") from None
