"""Texts of the environment and of options as the values that keys want."""

from typing import Any

import pytest

from headwater.config.schema import SettingKey
from headwater.config.text_value import table_value, text_value


@pytest.mark.parametrize(
    ("value_type", "text", "value"),
    [
        (str, "8554", "8554"),
        (str, 'a "quote"', 'a "quote"'),
        (int, "8554", 8554),
        (int, "1_000", 1000),
        (int, "many", "many"),
        (int | None, "3", 3),
        (float, "2.5", 2.5),
        (float, "2", 2),
        (bool, "true", True),
        (bool, "ON", True),
        (bool, "0", False),
        (bool, "perhaps", "perhaps"),
        (tuple[str, ...], "udp, tcp", ["udp", "tcp"]),
        (tuple[str, ...], '["udp"]', ["udp"]),
        (tuple[str, ...], "", []),
        (tuple[str, ...], "[broken", "[broken"),
    ],
)
def test_a_text_becomes_what_the_key_wants(value_type: object, text: str, value: Any) -> None:
    assert text_value(SettingKey("key", value_type, "", None, required=False), text) == value


def test_tables_are_written_as_toml() -> None:
    assert table_value('[{ name = "a" }]') == [{"name": "a"}]


def test_what_is_no_toml_stays_text() -> None:
    assert table_value("name=a") == "name=a"
