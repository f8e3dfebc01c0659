"""Servers whose programs the caller has: `PEERS="mediamtx=PATH go2rtc=PATH zlmediakit=PATH"`.

Each is configured here as it stands in a comparison: RTSP alone, no log of each session, everything
else as its makers ship it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.peers import Peer, WebSide
from bench.steps import MOST_CAMERAS

_MEDIAMTX_RTSP = """\
logLevel: warn
rtspAddress: 127.0.0.1:{publish_port}
rtpAddress: 127.0.0.1:{rtp_port}
rtcpAddress: 127.0.0.1:{rtcp_port}
rtspTransports: [udp, tcp]
rtmp: no
srt: no
paths:
  all_others:
"""

MEDIAMTX_SETTINGS = f"""\
{_MEDIAMTX_RTSP}hls: no
webrtc: no
"""

MEDIAMTX_FOR_BROWSERS = f"""\
{_MEDIAMTX_RTSP}hls: yes
hlsAddress: 127.0.0.1:{{hls_port}}
webrtc: yes
webrtcAddress: 127.0.0.1:{{http_port}}
webrtcLocalUDPAddress: 127.0.0.1:{{webrtc_port}}
webrtcAdditionalHosts: [127.0.0.1]
"""

GO2RTC_SETTINGS = """\
log: {level: warn}
api: {listen: ""}
webrtc: {listen: ""}
srtp: {listen: ""}
rtsp: {listen: "127.0.0.1:{publish_port}"}
streams:
"""


# Port 0 closes a door.
ZLMEDIAKIT_SETTINGS = """\
[general]
listen_ip=127.0.0.1
[rtsp]
port={publish_port}
sslport=0
[protocol]
enable_hls=0
enable_rtmp=0
enable_ts=0
enable_fmp4=0
[http]
port=0
sslport=0
[rtmp]
port=0
[rtp_proxy]
port=0
[rtc]
port=0
[srt]
port=0
[onvif]
port=0
"""


def mediamtx(program: str) -> Peer:
    """Return MediaMTX: one port for publishers and readers, one pair for all RTP over UDP."""
    web = WebSide(
        whep_url="http://127.0.0.1:{http_port}/{mount}/whep",
        page_url="http://127.0.0.1:{http_port}/{mount}",
        hls_url="http://127.0.0.1:{hls_port}/{mount}/index.m3u8",
        files={"mediamtx.yml": MEDIAMTX_FOR_BROWSERS},
    )
    return replace(
        _on_one_port(
            "mediamtx", (program, "{folder}/mediamtx.yml"), {"mediamtx.yml": MEDIAMTX_SETTINGS}
        ),
        web=web,
    )


def go2rtc(program: str) -> Peer:
    """Return go2rtc: RTSP over TCP alone, and streams that its settings name."""
    streams = "".join(f"  bench{number}:\n" for number in range(MOST_CAMERAS))
    return _on_one_port(
        "go2rtc",
        (program, "-config", "{folder}/go2rtc.yaml"),
        {"go2rtc.yaml": GO2RTC_SETTINGS + streams},
        over_udp=False,
    )


def zlmediakit(program: str) -> Peer:
    """Return ZLMediaKit, whose mounts have names of two parts."""
    peer = _on_one_port(
        "zlmediakit",
        (program, "--level", "3", "--config", "{folder}/zlmediakit.ini"),
        {"zlmediakit.ini": ZLMEDIAKIT_SETTINGS},
    )
    url = "rtsp://127.0.0.1:{publish_port}/live/{mount}"
    return replace(peer, publish_url=url, play_url=url)


GIVEN: dict[str, Callable[[str], Peer]] = {
    "mediamtx": mediamtx,
    "go2rtc": go2rtc,
    "zlmediakit": zlmediakit,
}


def given_peers(text: str) -> dict[str, Peer]:
    """Return the servers that `NAME=PATH NAME=PATH …` gives, by name.

    Raises ValueError for a name that is not known, and for a path without a program.
    """
    peers = {}
    for given in text.split():
        name, _, path = given.partition("=")
        if name not in GIVEN:
            raise ValueError(f"PEERS: unknown server {name!r}; known are {', '.join(GIVEN)}")
        if not Path(path).is_file():
            raise ValueError(f"PEERS: {name}={path}: there is no program at this path")
        peers[name] = GIVEN[name](str(Path(path).resolve()))
    return peers


def _on_one_port(
    name: str, command: tuple[str, ...], files: dict[str, str], *, over_udp: bool = True
) -> Peer:
    url = "rtsp://127.0.0.1:{publish_port}/{mount}"
    return Peer(
        name,
        command,
        publish_url=url,
        play_url=url,
        over_udp=over_udp,
        files=files,
        works_in="{folder}",
    )
