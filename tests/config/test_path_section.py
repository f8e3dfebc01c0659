"""`[paths."…"]`: one section for each path or pattern, of every room that lets paths differ."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import pytest

from headwater import MountOverride, MountSettings, RtspServer, SecondPublisher, Settings
from headwater.config import path_section as module
from headwater.config.default_file import default_file
from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings
from headwater.config.path_section import PathSection, path_section
from headwater.config.schema import section_of
from headwater.media.path_override import path_override, settings_for
from headwater.setting_fields import take_fields


def loaded(tmp_path: Path, text: str, **arguments: Any) -> Settings:
    path = tmp_path / "headwater.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, **arguments)


def at(settings: Settings, path: str) -> MountSettings:
    return settings_for(path, settings.mounts, settings.overrides_of(MountOverride))


TEXT = """
[mounts]
grace_s = 1
[paths."cam/*"]
grace_s = 2
on_second_publisher = "replace"
[paths."/cam/front"]
grace_s = 3
[[mount_overrides]]
pattern = "**"
grace_s = 9
max_readers = 7
"""


def test_sections_apply_in_their_order_and_behind_the_overrides(tmp_path: Path) -> None:
    settings = loaded(tmp_path, TEXT)
    front = at(settings, "/cam/front")
    assert (front.grace_s, front.on_second_publisher, front.max_readers) == (
        3.0,
        SecondPublisher.REPLACE,
        7,
    )
    assert at(settings, "/cam/back").grace_s == 2.0
    assert at(settings, "/other").grace_s == 9.0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[paths."cam/*"]\ngrase_s = 1\n',
            'FILE:2: paths."cam/*".grase_s: unknown key (did you mean grace_s?)',
        ),
        (
            '[paths."cam/*"]\ngrace_s = "x"\n',
            'FILE:2: paths."cam/*".grace_s: "x" is not allowed (a number)',
        ),
        ("[paths.cam]\ngrace_s = -1\n", "FILE:2: paths.cam.grace_s: grace_s is -1.0; it must"),
        ('[paths."a/../b"]\n', 'FILE:1: paths."a/../b": '),
        ("paths = 3\n", "FILE:1: paths: paths is a section, not a value"),
        ("[paths]\ncam = 3\n", "FILE:2: paths.cam: "),
        ("[path.cam]\n", "FILE:1: path"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    said = str(caught.value).replace(str(tmp_path / "headwater.toml"), "FILE")
    assert said.startswith(fault), said


def test_options_and_environment_reach_a_path(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        '[paths."cam/*"]\ngrace_s = 2\n',
        environment={"HEADWATER_PATHS__FRONT__GRACE_S": "4"},
        assignments=[Assignment("--set", "paths.cam/*.max_readers", "5")],
    )
    assert at(settings, "/cam/a") == MountSettings(grace_s=2.0, max_readers=5)
    assert at(settings, "/front").grace_s == 4.0


def test_the_default_file_shows_every_key_and_sets_none(tmp_path: Path) -> None:
    text = default_file()
    assert '# [paths."cam/*"]' in text
    assert loaded(tmp_path, text) == Settings()
    keys = section_of(PathSection, ("paths", "x")).names
    assert keys == tuple(field.name for field in fields(MountSettings))


def test_a_program_gives_plain_values() -> None:
    server = RtspServer(publish_port=0, paths={"cam/*": {"grace_s": 5}})
    assert at(server.settings, "/cam/a").grace_s == 5
    threaded = Settings(paths={"cam/*": PathSection(max_readers=1)})
    assert at(threaded, "/cam/a").max_readers == 1
    with pytest.raises(ValueError, match=r'paths."cam": grace_s is -1; it must be 0 or more'):
        RtspServer(paths={"cam": {"grace_s": -1}})
    with pytest.raises(ValueError, match=r'paths."cam": grase_s is no key; there are .*grace_s'):
        RtspServer(paths={"cam": {"grase_s": 1}})
    with pytest.raises(ValueError, match=r"paths is 3; it must be a mapping"):
        Settings(paths=3)  # type: ignore[arg-type]


def test_another_room_takes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class RecordSettings:
        """How mounts are recorded."""

        keep_s: Annotated[float, "Seconds that a recording is kept."] = 60.0

        def __post_init__(self) -> None:
            take_fields(self)

    override = path_override(RecordSettings, "RecordOverride", "record")
    monkeypatch.setattr(module, "NESTED", {"record": override})
    section_class: Any = path_section({"record": override})
    below = section_of(section_class, ("paths", "x")).section("record")
    assert below is not None
    assert [key.name for key in below.keys] == ["keep_s"]
    nested: Any = next(f.type for f in fields(section_class) if f.name == "record")
    record_class = next(part for part in nested.__origin__.__args__ if part is not type(None))
    section = section_class(grace_s=1.0, record=record_class(keep_s=5.0))
    assert section.override("/a", override).applied_to(RecordSettings()).keep_s == 5.0
    assert section.override("/a", MountOverride).applied_to(MountSettings()).grace_s == 1.0
    untouched = section_class().override("/a", override)
    assert untouched.applied_to(RecordSettings()) == RecordSettings()
