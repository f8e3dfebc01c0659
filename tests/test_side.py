import pytest

from headwater.side import Side


@pytest.mark.parametrize(("side", "person"), [("publish", "publisher"), ("play", "reader")])
def test_what_a_peer_is_called(side: str, person: str) -> None:
    assert Side(side).person == person
