"""TOML values written and read back."""

import math
import tomllib
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.config.toml_text import toml_value


class Colour(StrEnum):
    RED = "red"


def read(text: str) -> object:
    return tomllib.loads(f"value = {text}")["value"]


scalars = st.one_of(
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
)


@given(st.one_of(scalars, st.lists(scalars)))
def test_a_value_reads_back_as_itself(value: object) -> None:
    assert read(toml_value(value)) == value


def test_not_a_number_reads_back() -> None:
    value = read(toml_value(math.nan))
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Colour.RED, '"red"'),
        (("udp", "tcp"), '["udp", "tcp"]'),
        (10.0, "10.0"),
        ('a "quoted" \\ \x1b', '"a \\"quoted\\" \\\\ \\u001B"'),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    assert toml_value(value) == text


def test_none_has_no_form() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml_value(None)
