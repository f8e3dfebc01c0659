"""What of good settings is likely meant otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from server_rig import certificate

from headwater.access.settings import AccessSettings, UserSettings
from headwater.config.advice import advice
from headwater.config.path_section import PathSection
from headwater.config.settings import Settings
from headwater.media.settings import MountOverride, MountSettings
from headwater.net.settings import TlsSettings
from headwater.server.settings import ServerSettings
from headwater.transports.settings import RtpSettings, TransportKind

__all__ = ["certificate"]

TLS = TlsSettings(certificate="cert.pem", key="key.pem")
TLS_ONLY = ServerSettings(tls_only=True)
MULTICAST = MountSettings(multicast_group="239.1.2.3")


def users(*methods: str, password: str = "p") -> AccessSettings:
    user = UserSettings(name="u", password=password, read=("**",))
    return AccessSettings(users=(user,), methods=methods)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(), None),
        (Settings(access=AccessSettings(methods=("digest-sha256",))), None),  # type: ignore[arg-type]
        (Settings(access=users("digest-md5", "digest-sha256")), None),
        (Settings(access=users("digest-sha256")), "know MD5 alone"),
        (Settings(access=users("digest-sha256", "basic")), "know MD5 alone"),
        (
            Settings(
                access=users("digest-md5", "digest-sha256", password=f"ha1-sha256${'0' * 64}")
            ),
            "know MD5 alone",
        ),
        (Settings(rtp=RtpSettings(require_secure_media=True)), "nobody can use rtsps"),
        (Settings(tls=TLS, server=TLS_ONLY), None),
        (Settings(tls=TLS, rtp=RtpSettings(play_transports=("udp",))), None),  # type: ignore[arg-type]
        (
            Settings(tls=TLS, server=TLS_ONLY, rtp=RtpSettings(play_transports=("udp",))),  # type: ignore[arg-type]
            "rtp.play_transports has no tcp",
        ),
        (
            Settings(tls=TLS, server=TLS_ONLY, rtp=RtpSettings(publish_transports=("udp",))),  # type: ignore[arg-type]
            "rtp.publish_transports has no tcp",
        ),
        (Settings(tls=TLS, server=TLS_ONLY, mounts=MULTICAST), "nobody can ask for it"),
        (
            Settings(
                tls=TLS,
                server=TLS_ONLY,
                paths={"/a": {"multicast_group": "239.1.2.3"}},  # type: ignore[dict-item]
            ),
            "nobody can ask for it",
        ),
        (
            Settings(
                tls=TLS,
                server=TLS_ONLY,
                mounts=MULTICAST,
                rtp=RtpSettings(require_secure_media=False),
            ),
            None,
        ),
    ],
)
def test_advice(settings: Settings, said: str | None) -> None:
    sentences = list(advice(settings, {}))
    assert [said is not None and said in sentence for sentence in sentences] == [True] * (
        said is not None
    )


def test_overrides_are_told_what_to_write_instead() -> None:
    settings = Settings(mount_overrides=(MountOverride(pattern="/cams/*", grace_s=1.0),))
    (sentence,) = advice(settings, {})
    assert sentence == (
        'mount_overrides with the pattern "/cams/*" still works; write [paths."cams/*"] with the '
        "same keys instead"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(rtp=RtpSettings(play_transports=())), "nobody can play"),
        (Settings(rtp=RtpSettings(publish_transports=())), "nobody can publish"),
        (
            Settings(rtp=RtpSettings(play_transports=(TransportKind.MULTICAST,))),
            "no mount has a multicast_group",
        ),
        (
            Settings(rtp=RtpSettings(play_transports=(TransportKind.MULTICAST,)), mounts=MULTICAST),
            None,
        ),
        (Settings(tls=TlsSettings(client_ca="ca.pem")), "asks for no client certificate"),
        (
            Settings(server=ServerSettings(proxy_protocol_from=("::/0", "10.0.0.0/8"))),
            "server.proxy_protocol_from has ::/0",
        ),
    ],
)
def test_more_advice(settings: Settings, said: str | None) -> None:
    sentences = list(advice(settings, {}))
    assert len(sentences) == (said is not None)
    assert all(said and said in sentence for sentence in sentences)


def test_secrets_of_urls_that_are_not_there(tmp_path: Path) -> None:
    front = PathSection(
        source="rtsp://me:${FIRST}@192.0.2.1/${SECOND}",
        fallback=(f"rtsp://192.0.2.2/${{file:{tmp_path}/none}}", "rtsp://192.0.2.3/"),
        forward_to=("rtsp://me:${THIRD}@192.0.2.4/",),
    )
    program = PathSection(source="command:send ${FIRST} $OTHER ${HEADWATER_PUBLISH_URL}")
    settings = Settings(paths={"front": front, "program": program})
    missing = "there is no variable {} in the environment of the server"
    assert list(advice(settings, {"FIRST": "x"})) == [
        f'paths."front".source: {missing.format("SECOND")}',
        f'paths."front".fallback: {tmp_path}/none cannot be read: No such file or directory',
        f'paths."front".forward_to: {missing.format("THIRD")}',
    ]
    assert f'paths."program".source: {missing.format("FIRST")}' in list(advice(settings, {}))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["HEADWATER_SERVER__PUBLISH_PORT", "HEADWATER_CONFIG", "HOME"], []),
        (["HEADWATER_PORT"], ["use HEADWATER_SERVER__PUBLISH_PORT to set this key"]),
        (["HEADWATER_QQQQ"], ["use HEADWATER_<SECTION>__<KEY> to set this key"]),
    ],
)
def test_variables_that_nobody_reads(names: list[str], said: list[str]) -> None:
    sentences = list(advice(Settings(), dict.fromkeys(names, "1")))
    assert [sentence.partition("; ")[2] for sentence in sentences] == said


def test_certificates_that_will_not_do(certificate: TlsSettings, tmp_path: Path) -> None:
    assert list(advice(Settings(tls=certificate), {})) == []
    # A server does not start with it, and says so itself.
    nonsense = tmp_path / "cert.pem"
    nonsense.write_text("nonsense")
    assert (
        list(advice(Settings(tls=TlsSettings(certificate=str(nonsense), key="key.pem")), {})) == []
    )


@pytest.mark.parametrize(
    ("pattern", "url", "said"),
    [
        ("cam/*", "rtsp://far.example/all", 'paths."cam/*".forward_to has a URL without {path}'),
        ("cam/*", "rtsp://far.example/{path}", None),
        ("cam/1", "rtsp://far.example/one", None),
    ],
)
def test_mounts_that_would_be_sent_to_one_place(pattern: str, url: str, said: str | None) -> None:
    settings = Settings(paths={pattern: PathSection(forward_to=(url,))})
    found = list(advice(settings, {}))
    assert (len(found) == 1 and found[0].startswith(said)) if said else found == []
