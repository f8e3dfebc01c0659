import pytest
from some_end import some_end

from headwater.protocol.sdp import SessionDescription
from headwater.relay.description_budget import DescriptionBudget
from headwater.relay.errors import LimitReached

SHORT = SessionDescription.parse(b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n")
LONG = SessionDescription.parse(b"v=0\r\ns=a longer name\r\nm=audio 0 RTP/AVP 0\r\n")


def test_descriptions_count_for_as_long_as_their_publishers_live() -> None:
    budget = DescriptionBudget(SHORT.size_bytes + LONG.size_bytes)
    first, second, third = some_end("1"), some_end("2"), some_end("3")
    budget.give(first, SHORT)
    budget.give(second, LONG)
    assert budget.size_bytes == budget.most_bytes
    with pytest.raises(LimitReached, match=r"limits\.description_bytes_total \(\d+ bytes\)"):
        budget.give(third, SHORT)
    budget.take_back(third)
    assert (budget.size_bytes, budget.left_bytes) == (budget.most_bytes, 0)
    budget.take_back(first)
    budget.give(third, SHORT)
    assert (budget.size_bytes, budget.left_bytes) == (budget.most_bytes, SHORT.size_bytes)


def test_another_description_takes_the_place_of_the_one_before() -> None:
    budget = DescriptionBudget(LONG.size_bytes)
    publisher = some_end("1")
    budget.give(publisher, SHORT)
    budget.give(publisher, LONG)
    budget.give(publisher, SHORT)
    assert budget.size_bytes == SHORT.size_bytes
    budget.take_back(publisher)
    assert budget.size_bytes == 0
