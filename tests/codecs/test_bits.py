import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.codecs.bits import BitReader, BitsEnd, BitWriter, below


@given(st.lists(st.tuples(st.integers(0, 2**40 - 1), st.integers(1, 40))))
def test_what_is_written_is_read(numbers: list[tuple[int, int]]) -> None:
    writer = BitWriter()
    for value, count in numbers:
        writer.bits(value, count)
    reader = BitReader(writer.content())
    assert [reader.bits(count) for _, count in numbers] == [
        value % (1 << count) for value, count in numbers
    ]
    assert reader.left < 8


@pytest.mark.parametrize(
    ("bits", "unsigned", "signed"),
    [
        ("1", 0, 0),
        ("010", 1, 1),
        ("011", 2, -1),
        ("00100", 3, 2),
        ("00101", 4, -2),
        ("0001000", 7, 4),
        ("0" * 32 + "1" + "0" * 32, 2**32 - 1, 2**31),
    ],
)
def test_exp_golomb_numbers(bits: str, unsigned: int, signed: int) -> None:
    padded = bits + "0" * (-len(bits) % 8)
    content = int(padded, 2).to_bytes(len(padded) // 8, "big")
    assert BitReader(content).golomb() == unsigned
    assert BitReader(content).signed_golomb() == signed


@pytest.mark.parametrize("content", [b"", b"\0", b"\0" * 20, b"\x01"])
def test_a_number_that_does_not_end_is_refused(content: bytes) -> None:
    with pytest.raises(BitsEnd):
        BitReader(content).golomb()


def test_a_number_past_its_range_is_refused() -> None:
    assert below(31, 32) == 31
    with pytest.raises(BitsEnd, match="32 where at most 31 can stand"):
        below(32, 32)
