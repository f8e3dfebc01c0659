import pytest

from headwater.config.schema import SettingSection, settings_schema
from headwater.config.suggestions import meant_key, section_suggestion, suggestion

SCHEMA = settings_schema()
SECTIONS = {section.name: section for section in SCHEMA.walk()}
A_SOURCE = 'a camera is the source of a path: [paths."NAME"] with source = "rtsp://CAMERA/…"'


def section(name: str) -> SettingSection:
    return SECTIONS[name]


@pytest.mark.parametrize(
    ("name", "where", "words"),
    [
        ("publish_port", "server", "publish_port is a key, nothing stands below it"),
        ("port", "server", "did you mean publish_port?"),
        ("Rtsp-Port", "server", "did you mean publish_port?"),
        ("ip", "", "did you mean host under [server]?"),
        ("grace_s", "", "it belongs under [mounts]"),
        ("grace_s", "server", "it belongs under [mounts]"),
        # What it means stands elsewhere, and here it is misspelt.
        ("username", "access", "did you mean users?"),
        ("cameras", "", A_SOURCE),
        ("camera", "paths", A_SOURCE),
        ("sesions", "limits", "did you mean sessions?"),
        ("qqqq", "log", f"[log] may have: {', '.join(section('log').names)}"),
        ("qqqq", "", f"the file may have: {', '.join(SCHEMA.names)}"),
    ],
)
def test_what_may_stand_in_the_place_of_a_key(name: str, where: str, words: str) -> None:
    assert suggestion(name, section(where), SCHEMA) == words


@pytest.mark.parametrize(
    ("name", "where", "words"),
    [
        ("auth", "", "did you mean [access]?"),
        ("SSL", "", "did you mean [tls]?"),
        ("camera", "", A_SOURCE),
        ("level", "", "level is a key of [log]"),
        ("serverr", "", "did you mean [server]?"),
        ("path", "", 'did you mean [paths."…"]?'),
        ("users", "", "did you mean [[access.users]]?"),
        ("usrs", "access", "did you mean [[access.users]]?"),
        ("qqqq", "log", f"[log] may have: {', '.join(section('log').names)}"),
    ],
)
def test_what_may_stand_in_the_place_of_a_section(name: str, where: str, words: str) -> None:
    assert section_suggestion(name, section(where), SCHEMA) == words


def test_where_nothing_is_like_a_section_all_are_told() -> None:
    words = section_suggestion("qqqq", SCHEMA, SCHEMA)
    assert words.startswith("the file may have: [server], [http], ")
    assert words.endswith(", [[access.users]], [[hooks.webhooks]]")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("port", "server.publish_port"),
        ("publish_port", "server.publish_port"),
        ("server_publish_port", "server.publish_port"),
        ("server_port", "server.publish_port"),
        ("rtsp-port", "server.publish_port"),
        ("level", "log.level"),
        ("log_level", "log.level"),
        ("tls_cert", "tls.certificate"),
        ("qqqq", None),
    ],
)
def test_the_key_that_a_name_without_a_section_means(name: str, key: str | None) -> None:
    assert meant_key(name, SCHEMA) == key
