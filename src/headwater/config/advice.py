"""Warnings about settings that are allowed but probably meant otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headwater.access.auth_method import shut_out_md5
from headwater.client.forwarding.settings import ForwardSettings
from headwater.client.url_secrets import missing_secrets
from headwater.config.file import ENVIRONMENT_PREFIX, steps_of_variable
from headwater.config.schema import settings_schema
from headwater.config.settings import Settings
from headwater.config.suggestions import meant_key
from headwater.media.path_override import changes_in
from headwater.media.settings import MountSettings
from headwater.net.settings import ClientCertificates
from headwater.net.tls_context import certificate_complaint
from headwater.protocol.path_pattern import wildcard_count
from headwater.sources.settings import SourceSettings
from headwater.transports.settings import TransportKind

COMMAND_VARIABLES = frozenset(
    {
        "HEADWATER_CONFIG",
        "HEADWATER_DISCOVER_PASSWORD",
        "HEADWATER_DISCOVER_USER",
        "HEADWATER_PATH",
        "HEADWATER_PROBE_URL",
        "HEADWATER_PUBLISH_INPUT",
        "HEADWATER_PUBLISH_URL",
        "HEADWATER_RELAY_SOURCES",
    }
)
"""What the commands read of the environment beside the keys of the configuration."""


def advice(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each setting that is allowed but hardly wanted."""
    yield from _about_transports(settings)
    yield from _about_users(settings)
    yield from _about_tls(settings)
    yield from _about_proxies(settings)
    yield from _about_overrides(settings)
    yield from _about_forwards(settings)
    yield from _about_secrets(settings, environment)
    yield from _about_environment(environment)


def _about_overrides(settings: Settings) -> Iterator[str]:
    for override in settings.mount_overrides:
        yield (
            f'mount_overrides with the pattern "{override.pattern}" still works; write '
            f'[paths."{override.pattern.lstrip("/")}"] with the same keys instead'
        )


def _about_forwards(settings: Settings) -> Iterator[str]:
    for override in settings.overrides_of(ForwardSettings):
        urls = changes_in(override, ForwardSettings).get("forward_to", ())
        if wildcard_count(override.pattern) and any("{path}" not in url for url in urls):
            yield (
                f'paths."{override.pattern}".forward_to has a URL without {{path}}: every mount '
                "that matches is sent to the same one, and all but the first are refused"
            )


def _about_secrets(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Tell what a URL needs and is not there, before a camera is tried without it."""
    known = {**environment, **dict.fromkeys(COMMAND_VARIABLES, "")}
    for part, names in (
        (SourceSettings, ("source", "fallback")),
        (ForwardSettings, ("forward_to",)),
    ):
        for override in settings.overrides_of(part):
            changes = changes_in(override, part)
            for name in names:
                given = changes.get(name, ())
                urls = (given,) if isinstance(given, str) else given
                for problem in missing_secrets(" ".join(urls), known):
                    yield f'paths."{override.pattern}".{name}: {problem}'


def _about_transports(settings: Settings) -> Iterator[str]:
    rtp = settings.rtp
    for side, people, transports in (
        ("publish", "publish", rtp.publish_transports),
        ("play", "play", rtp.play_transports),
    ):
        if not transports:
            yield (
                f"rtp.{side}_transports is empty: nobody can {people}, every SETUP is answered 461"
            )
    yield from _about_media_inside_tls(settings)
    multicast_alone = set(rtp.play_transports) == {TransportKind.MULTICAST}
    if multicast_alone and not _has_multicast(settings):
        yield (
            "rtp.play_transports is only multicast, and no mount has a multicast_group: nobody "
            "can play, every SETUP is answered 461"
        )


def _has_multicast(settings: Settings) -> bool:
    groups = [
        override.applied_to(settings.mounts).multicast_group
        for override in settings.overrides_of(MountSettings)
    ]
    return any((settings.mounts.multicast_group, *groups))


def _about_media_inside_tls(settings: Settings) -> Iterator[str]:
    rtp, tls_only = settings.rtp, settings.server.tls_only
    if not settings.tls.enabled:
        if rtp.require_secure_media:
            yield (
                "rtp.require_secure_media is true, but tls.certificate is empty: nobody can use "
                "rtsps, and all media is sent unencrypted"
            )
        return
    if not tls_only or not rtp.keeps_media_inside_tls(tls_only=tls_only):
        return
    for side, transports in (("publish", rtp.publish_transports), ("play", rtp.play_transports)):
        if transports and TransportKind.TCP not in transports:
            yield (
                f"rtp.{side}_transports has no tcp, and with server.tls_only media must be inside "
                "TLS (rtp.require_secure_media): every SETUP is answered 461"
            )
    if _has_multicast(settings):
        yield (
            "a multicast_group is set, but with server.tls_only nobody can ask for it, because its "
            "media would be unencrypted; rtp.require_secure_media = false allows it"
        )


def _about_users(settings: Settings) -> Iterator[str]:
    offered = settings.access.offered_methods() if settings.access.users else ()
    if shut_out_md5(offered):
        yield (
            "the server offers digest-sha256 and not digest-md5 (access.methods, and the forms of "
            "the users' passwords): ffmpeg, GStreamer and live555 (VLC) know MD5 alone and cannot "
            "log in"
        )


def _about_tls(settings: Settings) -> Iterator[str]:
    tls = settings.tls
    if tls.client_ca and tls.client_certificates is ClientCertificates.NONE:
        yield (
            "tls.client_ca is set, but tls.client_certificates is none: the server asks for no "
            "client certificate"
        )
    if tls.enabled:
        try:
            complaint = certificate_complaint(tls.certificate)
        except ValueError:
            return  # not for advice: a server does not start with it
        if complaint:
            yield f"tls.certificate {tls.certificate}: {complaint}"


def _about_proxies(settings: Settings) -> Iterator[str]:
    for network in settings.server.proxy_networks():
        if network.prefixlen == 0:
            yield (
                f"server.proxy_protocol_from has {network}: every peer is taken for a proxy: "
                "it must send a PROXY header, and can claim any address"
            )


def _about_environment(environment: Mapping[str, str]) -> Iterator[str]:
    schema = settings_schema()
    for name in sorted(environment):
        rest = name.removeprefix(ENVIRONMENT_PREFIX)
        if rest == name or name in COMMAND_VARIABLES or steps_of_variable(name, schema):
            continue
        key = meant_key(rest.lower(), schema)
        variable = ENVIRONMENT_PREFIX + (key or "<SECTION>.<KEY>").upper().replace(".", "__")
        yield f"{name} in the environment is not read; use {variable} to set this key"
