import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.codecs.av1.obu import leb128, payload_of, read_leb128, with_size, without_size


@given(st.integers(0, 2**56 - 1))
def test_sizes_are_read_as_they_were_written(number: int) -> None:
    text = leb128(number)
    assert read_leb128(b"x" + text + b"more", 1) == (number, 1 + len(text))


@pytest.mark.parametrize("text", [b"", b"\x80", b"\xff" * 8 + b"\0"])
def test_what_is_no_size_is_refused(text: bytes) -> None:
    with pytest.raises(IndexError):
        read_leb128(text, 0)


@pytest.mark.parametrize(
    ("bare", "sized"),
    [
        (b"\x30payload", b"\x32\x07payload"),
        (b"\x34\x08payload", b"\x36\x08\x07payload"),
        (b"\x30", b"\x32\0"),
        (b"\x34\x08", b"\x36\x08\0"),
        (b"\x30" + b"x" * 200, b"\x32\xc8\x01" + b"x" * 200),
    ],
)
def test_a_unit_with_its_size_and_without(bare: bytes, sized: bytes) -> None:
    assert with_size(bare) == with_size(sized) == sized
    assert without_size(sized) == without_size(bare) == bare
    assert payload_of(sized) == payload_of(bare)


def test_bytes_behind_the_size_that_a_unit_tells_are_not_its_own() -> None:
    assert with_size(b"\x32\x03onetwo") == b"\x32\x03one"


@pytest.mark.parametrize("unit", [b"\x34", b"\x32", b"\x36\x08", b"\x32\x04abc", b"\x32\x80"])
def test_a_unit_that_ends_too_early_is_refused(unit: bytes) -> None:
    with pytest.raises(IndexError):
        with_size(unit)
