"""How configurations differ, in words for their owner, and what of it a running server takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest

from headwater import AccessSettings, MountOverride, MountSettings, Settings, UserSettings, When
from headwater.applies import NOW
from headwater.config import difference as module
from headwater.config.applied import Applied, SettingsChange
from headwater.config.difference import difference
from headwater.relay.limit_settings import LimitSettings
from headwater.server.settings import ServerSettings

ANN = UserSettings(name="ann", password="rtsp", read=("**",))
BOB = UserSettings(name="bob", password="rtsp", read=("**",))
A = {"grace_s": 1.0}


def users(*those: UserSettings) -> Settings:
    return Settings(access=AccessSettings(users=those))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Settings(), Settings(), []),
        (
            Settings(),
            Settings(server=ServerSettings(play_port=9000, server_name='a "b"')),
            ["server.play_port: not set → 9000", r'server.server_name: "Headwater" → "a \"b\""'],
        ),
        (
            Settings(),
            Settings(paths={"cam/*": {"grace_s": 3.0, "max_readers": 2}}),  # type: ignore[dict-item]
            [
                'paths."cam/*".grace_s: not set → 3.0',
                'paths."cam/*".max_readers: not set → 2',
            ],
        ),
        (
            Settings(paths={"cam/*": {"multicast_ttl": 3}}),  # type: ignore[dict-item]
            Settings(paths={"cam/*": {"multicast_ttl": 4}}),  # type: ignore[dict-item]
            ['paths."cam/*".multicast_ttl: 3 → 4 (for mounts that open later)'],
        ),
        (
            Settings(paths={"a": A}),  # type: ignore[dict-item]
            Settings(),
            ['paths."a".grace_s: 1.0 → not set'],
        ),
        (
            # The later of several that match wins, so their order counts.
            Settings(paths={"a": A, "*": A}),  # type: ignore[dict-item]
            Settings(paths={"*": A, "a": A}),  # type: ignore[dict-item]
            ['paths: ["a", "*"] → ["*", "a"]'],
        ),
        (
            Settings(mount_overrides=(MountOverride(pattern="/a", grace_s=1.0),)),
            Settings(mount_overrides=(MountOverride(pattern="/a", grace_s=2.0),)),
            ['mount_overrides."/a": set → set differently'],
        ),
        (users(ANN), users(BOB, ANN), ['access.users."bob": not set → set']),
        (users(ANN), users(), ['access.users."ann": set → not set']),
        (users(ANN, BOB), users(BOB, ANN), ['access.users: ["ann", "bob"] → ["bob", "ann"]']),
        (
            users(ANN),
            users(replace(ANN, password="other")),
            ['access.users."ann": set → set differently'],
        ),
    ],
)
def test_each_key_that_is_other_is_told(
    before: Settings, after: Settings, expected: list[str]
) -> None:
    found = difference(before, after)
    assert [str(change) for change in found.changes] == expected
    assert (found.needs_restart, found.settings) == ((), after)


def test_what_needs_a_restart_stays_and_all_else_goes_on() -> None:
    after = Settings(limits=LimitSettings(ipv6_prefix_bits=56, sessions=7))
    found = difference(Settings(), after)
    assert [change.key for change in found.changes] == ["limits.sessions"]
    assert [change.key for change in found.needs_restart] == ["limits.ipv6_prefix_bits"]
    assert found.settings == Settings(limits=LimitSettings(sessions=7))


def test_what_a_server_cannot_change_just_now_is_named_with_its_reason() -> None:
    after = Settings(server=ServerSettings(host="127.0.0.1"))
    found = difference(Settings(), after, {"server.host": "it is held", "server.drain_s": "no"})
    assert found.changes == ()
    assert [str(change) for change in found.needs_restart] == [
        'server.host: "" → "127.0.0.1" (it is held)'
    ]
    assert found.settings == Settings()


def test_what_stays_must_go_with_what_is_new() -> None:
    before = Settings(server=ServerSettings(publish_port=1, rtsps_port=0))
    after = Settings(server=ServerSettings(publish_port=2, rtsps_port=0))
    both = replace(after, server=replace(after.server, server_name="x"))
    assert difference(before, both, {"server.publish_port": "it is held"}).settings.server == (
        ServerSettings(publish_port=1, server_name="x")
    )
    # `tls_only` of before needs the certificate that is to go.
    secure = replace(
        before,
        tls=replace(before.tls, certificate="a.pem"),
        server=replace(before.server, tls_only=True),
    )
    with pytest.raises(ValueError, match=r"server\.tls_only must stay until a restart.*restart"):
        difference(secure, after, {"server.tls_only": "it is held"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    url: Annotated[str, NOW, "Where it comes from."] = ""
    password: Annotated[str, NOW, "Opens it."] = ""


def test_secrets_are_never_told() -> None:
    before = Source(url="rtsp://ann:old@camera/1", password="one")
    after = Source(url="rtsp://ann:new@camera/1", password="two")
    told: Any = module._section_changes("source", before, after)
    # A password may hold any letter as it is.
    odd = replace(before, url="rtsp://ann:p@ss/w 'ord?@camera/1")
    [change, *_] = list(module._section_changes("source", odd, after))
    assert "ord" not in change.before
    assert [str(change) for change in told] == [
        'source.url: "rtsp://…@camera/1" → "rtsp://…@camera/1"',
        "source.password: (secret) → (secret)",
    ]


def test_the_outcome_is_told_in_lines() -> None:
    assert list(Applied().lines()) == ["the settings are as they were"]
    change = SettingsChange(
        key="mounts.multicast_ttl", before="1", after="2", applies=When.NEXT_MOUNT
    )
    later = SettingsChange(
        key="hooks.max_threads", before="1", after="2", applies=When.RESTART, reason="counted"
    )
    applied = Applied(
        changes=(change,), needs_restart=(later,), changed_mounts=("/a",), untouched_mounts=2
    )
    assert list(applied.lines()) == [
        "changed: 1",
        "  mounts.multicast_ttl: 1 → 2 (for mounts that open later)",
        "needs a restart, as before until then: 1",
        "  hooks.max_threads: 1 → 2 (counted)",
        "open mounts: 1 go by other settings, 2 were not touched",
    ]


def test_the_settings_of_mounts_are_compared_by_value() -> None:
    assert difference(Settings(mounts=MountSettings()), Settings()).changes == ()
