"""Oddities of descriptions."""

from __future__ import annotations

from typing import Any

from headwater.testing.fake_camera import sample
from headwater.testing.fake_camera.faults import RewriteSdp, SpropAround
from headwater.testing.fake_camera.quirk import Quirk
from headwater.testing.fake_camera.track import Track, Unit

_WITH_PCMA: dict[str, Any] = {"tracks": (sample.h264(), sample.pcma())}
_WITH_AAC: dict[str, Any] = {"tracks": (sample.h264(), sample.aac())}
_WITH_OPUS: dict[str, Any] = {"tracks": (sample.h264(), sample.opus())}

_TP_LINK = Track(
    media="application/TP-LINK",
    payload_type=95,
    encoding="TP-LINK/90000",
    clock_hz=90_000,
    units=(Unit(0, 90_000, (b"the maker's own",)),),
    format="smart/1/90000",
)


def _text(name: str, device: str, does: str, pattern: str, replacement: str) -> Quirk:
    return Quirk(name, device, does, (RewriteSdp(pattern, replacement),))


def _origin(name: str, device: str, does: str, origin: str) -> Quirk:
    return _text(name, device, does, r"^o=[^\r]*", origin)


SDP = (
    _text(
        "two-session-names",
        "go2rtc, WebRTC#417",
        "gives several session names",
        r"^s=[^\r]*",
        "s=one\r\ns=two\r\ns=",
    ),
    _text("connection-cut-short", "go2rtc#1426", "ends c= early", r"^c=[^\r]*", "c=IN"),
    _text(
        "connection-without-address",
        "gortsplib aff7e122",
        "gives no address in c=",
        r"^c=[^\r]*",
        "c=IN IP4 ",
    ),
    _text(
        "garbage-before-media",
        "go2rtc helpers.go",
        "has lines that are no SDP before the first m=",
        r"^t=0 0",
        "t=0 0\r\ngarbage\r\n=\r\nx\r\n: nothing",
    ),
    _text(
        "no-version-no-origin",
        "go2rtc helpers.go",
        "begins with the session name",
        r"^v=.*?(?=^s=)",
        "",
    ),
    Quirk(
        "unknown-media-type",
        "TP-Link TL-IPC44GW",
        "has a media line whose media and format are the maker's own",
        settings={"tracks": (sample.h264(), _TP_LINK)},
    ),
    _text("no-newline-at-end", "go2rtc helpers.go", "ends without a line end", r"\r\n\Z", ""),
    _text("lf-only", "many", "ends lines with LF alone", r"\r\n", "\n"),
    _text("nul-at-end", "gortsplib", "has NUL bytes behind the last line", r"\Z", "\0\0\0"),
    Quirk(
        "fmtp-under-another-media",
        "go2rtc, WebRTC#419",
        "has the fmtp of the picture under the sound",
        (RewriteSdp(r"(a=fmtp:96[^\r]*\r\n)(.*?m=audio[^\r]*\r\n)", r"\2\1"),),
        _WITH_PCMA,
    ),
    _text(
        "fmtp-empty", "Ubiquiti", "has an fmtp without anything in it", r"(a=fmtp:96)[^\r]*", r"\1"
    ),
    Quirk(
        "fmtp-trailing-semicolon",
        "Reolink",
        "ends fmtp with a semicolon and a blank",
        (RewriteSdp(r"(a=fmtp:\d+[^\r]*)", r"\1; "),),
        _WITH_AAC,
    ),
    Quirk(
        "sprop-incomplete",
        "go2rtc PR#1588",
        "gives the SPS without the PPS",
        (SpropAround(sets=1),),
    ),
    Quirk(
        "sprop-annex-b",
        "gortsplib 747de35c, retina",
        "gives parameter sets with start codes before them",
        (SpropAround(before=b"\0\0\0\1"),),
    ),
    Quirk(
        "sprop-stray-byte",
        "Reolink",
        "gives parameter sets with a byte too many at the end",
        (SpropAround(behind=b"\0"),),
    ),
    Quirk(
        "opus-wrong-rate",
        "go2rtc helpers.go",
        "names Opus with its own rate and channels instead of 48000/2",
        (RewriteSdp("opus/48000/2", "opus/16000/1"),),
        _WITH_OPUS,
    ),
    Quirk(
        "aac-without-index-length",
        "gortsplib b1674ff9",
        "leaves indexlength and indexdeltalength out",
        (RewriteSdp(r";indexlength=3;indexdeltalength=3", ""),),
        _WITH_AAC,
    ),
    Quirk(
        "aac-in-adts",
        "gortsplib ee0e0570",
        "leaves the ADTS head before each access unit",
        settings={"tracks": (sample.h264(), sample.aac(adts=True))},
    ),
    Quirk(
        "payload-type-35",
        "Bosch",
        "gives H.264 the payload type 35, which RFC 3551 leaves unassigned",
        settings={"tracks": (sample.h264(payload_type=35),)},
    ),
    Quirk(
        "all-marked-back-channel",
        "CV-RTSPHandler, go2rtc#771",
        "marks all media as back channels, which they are not",
        (RewriteSdp(r"(a=control:trackID=\d\r\n)", "\\1a=sendonly\r\n"),),
        _WITH_PCMA,
    ),
    _origin(
        "origin-decimals",
        "gortsplib 35bf96c5",
        "has decimals in o=",
        "o=- 1719049110.125 1.0 IN IP4 127.0.0.1",
    ),
    _origin(
        "origin-without-address",
        "some ONVIF cameras",
        "ends o= before the address",
        "o=- 1001 1 IN IP4 ",
    ),
    _origin(
        "origin-seven-fields",
        "TP-Link, Mercury",
        "has one field too many in o=",
        "o=- 14665860 31787219 1 IN IP4 127.0.0.1",
    ),
    _origin(
        "origin-without-blank",
        "the app Live Reporter",
        "has no blank between name and session id in o=",
        "o=-0 1 IN IP4 127.0.0.1",
    ),
    _text(
        "bandwidth-tias",
        "gortsplib 7e8ec60a",
        "gives the bandwidth as TIAS, and with decimals",
        r"(m=video[^\r]*)",
        "\\1\r\nb=TIAS:1500000.5\r\nb=AS:",
    ),
)
