from hypothesis import given
from hypothesis import strategies as st

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.g711 import G711Config, G711Pieces


@given(
    st.lists(st.integers(1, 500), max_size=20), st.sampled_from([1, 2]), st.integers(0, 2**32 - 1)
)
def test_pieces_have_one_duration_and_follow_each_other(
    sizes: list[int], channels: int, start: int
) -> None:
    pieces = G711Pieces(G711Config("PCMU", channels=channels))
    content = b"".join(bytes((index % 251,)) * size * channels for index, size in enumerate(sizes))
    at, given_units = 0, []
    for size in sizes:
        part = content[at * channels : (at + size) * channels]
        given_units += pieces.feed(AccessUnit(start + at & 0xFFFFFFFF, (part,)))
        at += size
    whole = len(content) // (160 * channels)
    assert b"".join(unit.units[0] for unit in given_units) == content[: whole * 160 * channels]
    assert [unit.timestamp for unit in given_units] == [
        start + 160 * index & 0xFFFFFFFF for index in range(whole)
    ]
    assert {unit.duration for unit in given_units} <= {160}


def test_samples_that_are_missing_leave_a_gap_in_time_and_no_wrong_sound() -> None:
    pieces = G711Pieces(G711Config("PCMU"))
    assert len(pieces.feed(AccessUnit(0, (b"a" * 200,)))) == 1
    # 40 samples wait; the next packet begins 160 later than they end.
    (unit,) = pieces.feed(AccessUnit(360, (b"b" * 160,)))
    assert (unit.timestamp, unit.units) == (360, (b"b" * 160,))


def test_timestamps_that_are_a_little_off_are_no_gap() -> None:
    pieces = G711Pieces(G711Config("PCMU"))
    times = (0, 203, 398, 601, 0xFFFFFFFF)
    given_units = [
        unit for at in times[:4] for unit in pieces.feed(AccessUnit(at, (bytes((at % 7,)) * 200,)))
    ]
    assert [unit.timestamp for unit in given_units] == [0, 160, 320, 480, 640]
    # A whole piece off is a gap, backwards too.
    (unit,) = pieces.feed(AccessUnit(times[4], (b"b" * 160,)))
    assert unit.timestamp == times[4]
