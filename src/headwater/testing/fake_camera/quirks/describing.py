"""Oddities of the first requests, and of the URLs that the answers name."""

from __future__ import annotations

from headwater.testing.fake_camera.credentials import (
    BASIC,
    DIGEST_MD5,
    DIGEST_SHA256,
    Challenge,
    Credentials,
)
from headwater.testing.fake_camera.faults import (
    BackChannels,
    DescribeFirst,
    Refuse,
    RenameHeader,
    Reply,
    Require,
    Rewrite,
    RewriteSdp,
    SetHeader,
)
from headwater.testing.fake_camera.quirk import Quirk

USER, PASSWORD = "admin", "p:a@s/s%20w"
"""Whom the quirks of credentials let in; the password needs care in a URL."""


def _asks(*challenges: Challenge, **options: object) -> dict[str, object]:
    return {"credentials": Credentials(USER, PASSWORD, challenges, **options)}  # type: ignore[arg-type]


DESCRIBING = (
    Quirk(
        "user-agent-demanded",
        "go2rtc#235",
        "answers 401 to a DESCRIBE without a User-Agent",
        (Require("DESCRIBE", "User-Agent", r"\S", 401),),
    ),
    Quirk(
        "describe-before-setup",
        "Hikvision",
        "refuses SETUP on a connection that has not asked for the description",
        (DescribeFirst(),),
    ),
    Quirk(
        "one-describe-per-connection",
        "cheap cameras (retina)",
        "refuses a second DESCRIBE on a connection",
        (Reply("DESCRIBE", 455, after=1),),
    ),
    Quirk(
        "back-channel-unknown",
        "Axis",
        "answers 551 to a DESCRIBE that requires the ONVIF back channel",
        (Refuse("DESCRIBE", "Require", "backchannel", 551),),
    ),
    Quirk(
        "two-back-channels",
        "Dahua, Amcrest",
        "offers two back channels to those that require them, and fails to set them up",
        (BackChannels(),),
    ),
    Quirk("basic-only", "many", "asks for Basic credentials only", settings=_asks(BASIC)),
    Quirk(
        "digest-without-qop",
        "many",
        "asks for Digest by RFC 2069: MD5, no qop",
        settings=_asks(Challenge(algorithm=None)),
    ),
    Quirk(
        "digest-md5-sess",
        "RFC 2617 §3.2.1",
        "asks for Digest with MD5-sess and qop",
        settings=_asks(Challenge(algorithm="MD5-sess", qop="auth", opaque="5ccc069c")),
    ),
    Quirk(
        "digest-sha256",
        "RFC 7616 §3.3",
        "asks for Digest with SHA-256 and qop",
        settings=_asks(DIGEST_SHA256),
    ),
    Quirk(
        "unknown-algorithm-first",
        "RFC 7616 §3.7",
        "offers an algorithm that few know before one that all know",
        settings=_asks(Challenge(algorithm="SHA-3"), DIGEST_MD5),
    ),
    Quirk(
        "basic-before-digest",
        "many",
        "offers Basic before Digest, in headers of their own",
        settings=_asks(BASIC, DIGEST_MD5),
    ),
    Quirk(
        "challenges-in-one-line",
        "RFC 7235 §4.1",
        "offers Digest and Basic in one header",
        settings=_asks(DIGEST_MD5, BASIC, one_line=True),
    ),
    Quirk(
        "stale-nonces",
        "Hikvision",
        "answers 401 with stale=true after two requests with a nonce",
        settings=_asks(DIGEST_MD5, nonce_uses=2),
    ),
    Quirk(
        "nonce-of-the-connection",
        "many",
        "takes a nonce only on the connection that it was given out on",
        settings=_asks(DIGEST_MD5, nonce_per_connection=True),
    ),
    Quirk(
        "credentials-for-options",
        "many",
        "answers 401 to OPTIONS too",
        settings=_asks(DIGEST_MD5, open_methods=frozenset()),
    ),
    Quirk(
        "content-base-bare-ipv6",
        "go2rtc client.go",
        "names its address in Content-Base as IPv6 without brackets",
        (Rewrite("DESCRIBE", "Content-Base", r"//127\.0\.0\.1", "//::ffff:127.0.0.1"),),
    ),
    Quirk(
        "content-base-twice-rtsp",
        "go2rtc#830",
        "begins Content-Base with the scheme twice",
        (Rewrite("DESCRIBE", "Content-Base", "^rtsp://", "rtsp://rtsp://"),),
    ),
    Quirk(
        "content-base-without-scheme",
        "Anjvision",
        "begins Content-Base with the address",
        (Rewrite("DESCRIBE", "Content-Base", "^rtsp://", ""),),
    ),
    Quirk(
        "content-base-in-control",
        "gortsplib 811e189b",
        "names the base URL in the session's control attribute only",
        (
            SetHeader("DESCRIBE", "Content-Base", None),
            RewriteSdp(r"a=control:\*", "a=control:{url}/"),
        ),
    ),
    Quirk(
        "content-base-absent",
        "many",
        "names no base URL at all",
        (SetHeader("DESCRIBE", "Content-Base", None),),
    ),
    Quirk(
        "content-location",
        "retina",
        "names the base URL in Content-Location",
        (RenameHeader("DESCRIBE", "Content-Base", "Content-Location"),),
    ),
    Quirk(
        "content-base-without-slash",
        "go2rtc#1236",
        "has no slash between base and control: the base ends without one",
        (Rewrite("DESCRIBE", "Content-Base", "/$", ""),),
    ),
    Quirk(
        "control-with-slash",
        "go2rtc#1236",
        "begins control attributes with a slash, and means what stands behind the base",
        (RewriteSdp("a=control:trackID", "a=control:/trackID"),),
    ),
    Quirk(
        "control-absolute",
        "many",
        "gives whole URLs in control attributes",
        (RewriteSdp("a=control:trackID", "a=control:{url}/trackID"),),
    ),
)
