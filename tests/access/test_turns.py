"""Turns of those who wait for something scarce."""

from headwater.access.turns import Turns, source_in_network


def taken(turns: Turns[str]) -> list[str]:
    return [turns.take() for _ in range(len(turns))]


def test_sources_take_turns_however_much_each_brings() -> None:
    turns: Turns[str] = Turns()
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        assert turns.add((item[0],), item, known=False) is None
    assert taken(turns) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_known_ones_have_every_second_turn() -> None:
    turns: Turns[str] = Turns()
    for number in range(3):
        turns.add((number,), f"stranger {number}", known=False)
        turns.add((number,), f"known {number}", known=True)
    order = [item.split()[0] for item in taken(turns)]
    assert order == ["known", "stranger"] * 3


def test_a_full_room_takes_from_whoever_has_most() -> None:
    turns: Turns[str] = Turns(most=4)
    for item in ("a1", "a2", "a3", "b1"):
        turns.add((item[0],), item, known=False)
    assert turns.add(("c",), "c1", known=False) == "a3"
    assert taken(turns) == ["a1", "b1", "c1", "a2"]


def test_no_number_of_strangers_takes_the_room_of_known_ones() -> None:
    turns: Turns[str] = Turns(most=2)
    for number in range(100):
        turns.add((number,), f"stranger {number}", known=False)
    assert turns.add(("home",), "known", known=True) is None
    assert len(turns) == 3
    assert turns.take() == "known"


def test_among_equals_a_newcomer_always_finds_room() -> None:
    turns: Turns[int] = Turns(most=3)
    for number in range(50):
        pushed_out = turns.add((number,), number, known=False)
        assert pushed_out != number
    assert len(turns) == 3


def test_who_has_many_addresses_in_few_networks_keeps_no_newcomer_out() -> None:
    turns: Turns[str] = Turns(most=64)
    for number in range(1000):
        peer = f"198.51.{number % 6}.{number % 251}"
        turns.add(source_in_network(peer, peer), "stranger", known=False)
    newcomer = source_in_network("192.0.2.1", "192.0.2.1")
    assert turns.add(newcomer, "newcomer", known=False) == "stranger"
    for number in range(1000):
        peer = f"2001:db8:0:{number:x}::1"
        pushed_out = turns.add(source_in_network(peer, peer), "stranger", known=False)
        assert pushed_out == "stranger"
    assert "newcomer" in [turns.take() for _ in range(8)]
