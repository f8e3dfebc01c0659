"""Channel pairs of one connection: asked for, free, taken, used up."""

from __future__ import annotations

import pytest

from headwater.protocol.errors import ProtocolError
from headwater.transports.interleaved.channels import (
    ChannelConsumer,
    ChannelTable,
    exchange_pair,
    give_back,
    take_pair,
)

RTP, RTCP = (ChannelConsumer(lambda _packets, _frames: None) for _ in range(2))
"""Stand for what takes RTP, and what takes RTCP."""


def test_wanted_pair_is_given_while_it_is_free() -> None:
    channels: dict[int, ChannelConsumer] = {}
    assert take_pair(channels, (6, 7), RTP, RTCP) == (6, 7)
    assert channels == {6: RTP, 7: RTCP}
    assert take_pair(channels, (7, 8), RTP, RTCP) == (0, 1)
    assert take_pair(channels, None, RTP, RTCP) == (2, 3)
    give_back(channels, (6, 7))
    assert take_pair(channels, (7, 6), RTP, RTCP) == (7, 6)


@pytest.mark.parametrize("wanted", [(0, 0), (255, 256), (-1, 0)])
def test_impossible_pair_is_replaced(wanted: tuple[int, int]) -> None:
    assert take_pair({}, wanted, RTP, RTCP) == (0, 1)


def test_no_pair_is_left_after_all_channels() -> None:
    channels: dict[int, ChannelConsumer] = {}
    for _ in range(128):
        take_pair(channels, None, RTP, RTCP)
    with pytest.raises(ProtocolError) as refused:
        take_pair(channels, None, RTP, RTCP)
    assert refused.value.status == 453
    assert len(channels) == 256


@pytest.mark.parametrize("chosen", [(0, 1), (7, 4), (1, 0), (1, 2)])
def test_pair_is_exchanged_for_the_one_that_the_peer_chose(chosen: tuple[int, int]) -> None:
    channels: dict[int, ChannelConsumer] = {0: RTP, 1: RTCP, 8: RTP, 9: RTCP}
    exchange_pair(channels, (0, 1), chosen)
    assert channels == {chosen[0]: RTP, chosen[1]: RTCP, 8: RTP, 9: RTCP}


@pytest.mark.parametrize("chosen", [(8, 9), (7, 8), (9, 10)])
def test_pair_of_another_track_is_not_had_for_it(chosen: tuple[int, int]) -> None:
    channels: dict[int, ChannelConsumer] = {0: RTP, 1: RTCP, 8: RTP, 9: RTCP}
    with pytest.raises(ProtocolError, match="carries another track"):
        exchange_pair(channels, (0, 1), chosen)
    assert channels == {0: RTP, 1: RTCP, 8: RTP, 9: RTCP}


def test_giving_back_twice_is_no_error() -> None:
    channels: ChannelTable = {4: RTP, 5: RTCP}
    for _ in range(2):
        give_back(channels, (4, 5))
    assert channels == {}
