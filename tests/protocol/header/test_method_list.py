from headwater.protocol.header.method_list import format_methods, parse_methods
from headwater.protocol.method import Method


def test_methods_are_listed_in_order() -> None:
    assert format_methods([Method.OPTIONS, "PLAY"]) == "OPTIONS, PLAY"
    assert parse_methods("OPTIONS,PLAY , ,PAUSE") == ("OPTIONS", "PLAY", "PAUSE")
    assert parse_methods("") == ()
