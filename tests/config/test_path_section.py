"""`[paths."…"]`: one section for each path or pattern, of every room that lets paths differ."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from headwater import MountSettings, RtspServer, SecondPublisher, Settings, UserSettings
from headwater.config.default_file import default_file
from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings
from headwater.config.path_rooms import ROOMS
from headwater.config.path_section import PathSection
from headwater.config.schema import section_of
from headwater.media.path_override import settings_for


def loaded(tmp_path: Path, text: str, **arguments: Any) -> Settings:
    path = tmp_path / "headwater.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, **arguments)


def at(settings: Settings, path: str) -> MountSettings:
    return settings_for(path, settings.mounts, settings.overrides_of(MountSettings))


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


SETS = "--set"


@pytest.mark.parametrize(
    ("name", "text", "set_of"),
    [
        ('paths."cam.1/*".grace_s', "7", {"cam.1/*": 7.0, "cam/*": 2.0}),
        ("paths.'cam/*'.grace_s", "7", {"cam/*": 7.0}),
        ('paths."Front"', "{ grace_s = 7 }", {"cam/*": 2.0, "Front": 7.0}),
        ("paths", '{ "Front" = { grace_s = 7 } }', {"cam/*": 2.0, "Front": 7.0}),
        ("paths", '{ "cam/*" = {} }', {"cam/*": None}),
        ("HEADWATER_PATHS", '{ "Front" = { grace_s = 7 } }', {"cam/*": 2.0, "Front": 7.0}),
    ],
)
def test_an_option_or_a_variable_names_a_path_or_several(
    tmp_path: Path, name: str, text: str, set_of: dict[str, float | None]
) -> None:
    settings = loaded(
        tmp_path,
        '[paths."cam/*"]\ngrace_s = 2\n',
        environment={name: text},
        assignments=[] if name.startswith("HEADWATER") else [Assignment(SETS, name, text)],
    )
    sections: dict[str, Any] = settings.paths
    assert {pattern: each.grace_s for pattern, each in sections.items()} == set_of


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("paths", "3", "--set: paths: paths is a section, not a value (write [paths])"),
        ("paths", '{ "a b" = { grace_s = -1 } }', '--set: paths."a b".grace_s: grace_s is -1.0;'),
        ('paths."/./a".grace_s', "1", "--set: paths.\"/./a\": '/./a' has a dot segment"),
        ("paths.a", "{ grase_s = 1 }", "--set: paths.a.grase_s: unknown key (did you mean grace_s"),
        ("paths.a.camera", "x", "--set: paths.a.camera: unknown key (a camera is the source of a"),
        (
            "paths.a.source",
            "x",
            "--set: paths.a.source: source is 'x': it must be a URL that beg",
        ),
        ("paths.a.source", "rtsp://h/{1}", '--set: paths.a.source: paths."a".source has {1}, and'),
    ],
)
def test_a_fault_of_an_option_names_the_option_and_the_path(
    tmp_path: Path, name: str, text: str, fault: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "[paths.cam]\n", assignments=[Assignment(SETS, name, text)])
    assert str(caught.value).startswith(fault)


def test_the_default_file_shows_every_key_and_sets_none(tmp_path: Path) -> None:
    text = default_file()
    assert '# [paths."cam/*"]' in text
    assert loaded(tmp_path, text) == Settings()
    keys = section_of(PathSection, ("paths", "x")).names
    flat = [room.settings_class for room in ROOMS if not room.name]
    assert keys == tuple(field.name for each in flat for field in fields(each))


def test_a_program_gives_plain_values() -> None:
    server = RtspServer(publish_port=0, paths={"cam/*": {"grace_s": 5}})
    assert at(server.settings, "/cam/a").grace_s == 5
    threaded = Settings(paths={"cam/*": PathSection(max_readers=1)})
    assert at(threaded, "/cam/a").max_readers == 1
    with pytest.raises(ValueError, match=r'paths."cam": grace_s is -1; it must be 0 or more'):
        RtspServer(paths={"cam": {"grace_s": -1}})
    with pytest.raises(ValueError, match=r'paths."cam": grase_s is not a key; did you mean g'):
        RtspServer(paths={"cam": {"grase_s": 1}})
    with pytest.raises(ValueError, match=r"paths is 3; it must be a mapping"):
        Settings(paths=3)  # type: ignore[arg-type]


ROOM_OF_ITS_OWN = """
from dataclasses import dataclass
from typing import Annotated
from headwater.setting_fields import take_fields
import headwater.config.path_rooms as rooms

@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSettings:
    '''How mounts are recorded.'''

    folder: Annotated[str, "Folder of the recordings."] = ""
    keep_s: Annotated[float, "Seconds that a recording is kept."] = 60.0
    kinds: Annotated[tuple[str, ...], "Kinds of tracks."] = ()

    def __post_init__(self):
        take_fields(self)
        if self.keep_s < 1:
            raise ValueError(f"keep_s is {self.keep_s}; it must be 1 or more")

@dataclass(frozen=True, kw_only=True, slots=True)
class SlateSettings:
    '''What is shown meanwhile.'''

    slate: Annotated[str, "What to play while there is no publisher."] = ""

    def __post_init__(self):
        take_fields(self)

rooms.ROOMS += (rooms.PathRoom(settings_class=RecordSettings, name="record"),)
rooms.ROOMS += (rooms.PathRoom(settings_class=SlateSettings),)
"""
"""Two rooms, each one dataclass and one line: one has a section below a path's, one has not."""

WITH_THE_ROOMS = r"""
import json, pickle, sys
from pathlib import Path
from headwater import ConfigError, MountSettings, RtspServer, load_settings
from headwater.config.default_file import default_file
from headwater.media.path_override import settings_for
from headwater.sources.settings import SourceSettings

def at(settings, path):
    record = settings_for(path, RecordSettings(), settings.overrides_of(RecordSettings))
    slate = settings_for(path, SlateSettings(), settings.overrides_of(SlateSettings))
    mount = settings_for(path, settings.mounts, settings.overrides_of(MountSettings))
    return [record.folder, record.keep_s, list(record.kinds), slate.slate, mount.grace_s]

def said(make):
    try:
        return make().paths
    except ValueError as error:
        return str(error)

file = Path(sys.argv[1])
file.write_text('''
[paths."**"]
slate = "logo.mp4"
[paths."cam/*".record]
keep_s = 5
kinds = ["video"]
[paths."cam/*"]
grace_s = 2
''')
environment = {"HEADWATER_PATHS": '{ "cam/a" = { record = { folder = "env" } } }'}
settings = load_settings(file, environment=environment)
answers = {
    "file and environment": at(settings, "/cam/a"),
    "elsewhere": at(settings, "/x"),
    "pickled": pickle.loads(pickle.dumps(settings)) == settings,
    "python": at(RtspServer(paths={"a": {"record": {"folder": "x"}, "grace_s": 1}}).settings, "/a"),
    "python, key": said(lambda: RtspServer(paths={"a": {"record": {"foldre": "x"}}})),
    "python, bound": said(lambda: RtspServer(paths={"a": {"record": {"keep_s": 0}}})),
}
for name, text in {
    "key": '[paths.a.record]\nfoldre = "x"',
    "type": '[paths.a.record]\nkeep_s = "x"',
    "bound": '[paths.a.record]\n\nkeep_s = 0',
    "place": '[paths.a]\nkeep_s = 2',
    "section": '[paths.a.recrod]\nkeep_s = 2',
}.items():
    file.write_text(text)
    answers[name] = said(lambda: load_settings(file)).replace(str(file), "FILE")
file.write_text(default_file())
answers["default file"] = load_settings(file).paths
section = default_file().partition("# [paths.")[2].partition("\n\n")[0]
answers["default file's comments"] = section.partition("any_port =\n")[2].splitlines()
print(json.dumps(answers))
"""


def test_another_room_is_one_dataclass_and_one_line(tmp_path: Path) -> None:
    program = ROOM_OF_ITS_OWN + WITH_THE_ROOMS
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "headwater.toml")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "file and environment": ["env", 5.0, ["video"], "logo.mp4", 2.0],
        "elsewhere": ["", 60.0, [], "logo.mp4", 10.0],
        "pickled": True,
        "python": ["x", 60.0, [], "", 1],
        "python, key": 'paths."a": record.foldre is not a key; did you mean folder?',
        "python, bound": 'paths."a": record.keep_s is 0; it must be 1 or more',
        "key": "FILE:2: paths.a.record.foldre: unknown key (did you mean folder?)",
        "type": 'FILE:2: paths.a.record.keep_s: "x" is not allowed (a number)',
        "bound": "FILE:3: paths.a.record.keep_s: keep_s is 0.0; it must be 1 or more",
        "place": ('FILE:2: paths.a.keep_s: unknown key (it belongs under [paths."…".record])'),
        "section": ('FILE:1: paths.a.recrod: unknown section (did you mean [paths."…".record]?)'),
        "default file": {},
        "default file's comments": [
            "#   # What to play while there is no publisher. Not set by default. A text in quotes.",
            "#   slate =",
            '# [paths."cam/*".record]',
            "#   # Folder of the recordings. Not set by default. A text in quotes.",
            "#   folder =",
            "#   # Seconds that a recording is kept. Not set by default. A number.",
            "#   keep_s =",
            "#   # Kinds of tracks. Not set by default. A list, each a text in quotes.",
            "#   kinds =",
        ],
    }


def settings_of(paths: Any, mounts: MountSettings | None = None) -> Settings:
    """Settings whose paths are plain mappings, which it takes as well."""
    return Settings(mounts=mounts or MountSettings(), paths=paths)


def test_rooms_agree_on_the_names_of_a_path() -> None:
    flat = [f.name for room in ROOMS if not room.name for f in fields(room.settings_class)]
    names = [*flat, *(room.name for room in ROOMS if room.name)]
    assert sorted(set(names)) == sorted(names)
    sections = {room.section for room in ROOMS if room.section}
    assert sections <= {f.name for f in fields(Settings)}


def test_a_room_that_is_not_registered_is_named() -> None:
    with pytest.raises(LookupError, match="UserSettings stands in no line of ROOMS"):
        settings_of({"a": {}}).overrides_of(UserSettings)


def test_a_path_is_checked_with_what_holds_for_all_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_both(settings: MountSettings) -> None:
        if settings.max_readers == 3 and settings.grace_s == 3:
            raise ValueError("max_readers is 3; it must not be grace_s")

    monkeypatch.setattr("headwater.media.settings._check_multicast", refuse_both)
    settings_of({"a b": {"max_readers": 3}})
    with pytest.raises(ValueError, match=r'paths."a b": max_readers is 3; it must not'):
        settings_of({"a b": {"max_readers": 3}}, MountSettings(grace_s=3))
