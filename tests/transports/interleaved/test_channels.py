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


def rtp(_: list[bytes], _frames: bytes | None = None) -> None:
    """Stands for what takes RTP."""


def rtcp(_: list[bytes], _frames: bytes | None = None) -> None:
    """Stands for what takes RTCP."""


def test_wanted_pair_is_given_while_it_is_free() -> None:
    channels: dict[int, ChannelConsumer] = {}
    assert take_pair(channels, (6, 7), rtp, rtcp) == (6, 7)
    assert channels == {6: rtp, 7: rtcp}
    assert take_pair(channels, (7, 8), rtp, rtcp) == (0, 1)
    assert take_pair(channels, None, rtp, rtcp) == (2, 3)
    give_back(channels, (6, 7))
    assert take_pair(channels, (7, 6), rtp, rtcp) == (7, 6)


@pytest.mark.parametrize("wanted", [(0, 0), (255, 256), (-1, 0)])
def test_impossible_pair_is_replaced(wanted: tuple[int, int]) -> None:
    assert take_pair({}, wanted, rtp, rtcp) == (0, 1)


def test_no_pair_is_left_after_all_channels() -> None:
    channels: dict[int, ChannelConsumer] = {}
    for _ in range(128):
        take_pair(channels, None, rtp, rtcp)
    with pytest.raises(ProtocolError) as refused:
        take_pair(channels, None, rtp, rtcp)
    assert refused.value.status == 453
    assert len(channels) == 256


@pytest.mark.parametrize("chosen", [(0, 1), (7, 4), (1, 0), (1, 2)])
def test_pair_is_exchanged_for_the_one_that_the_peer_chose(chosen: tuple[int, int]) -> None:
    channels: dict[int, ChannelConsumer] = {0: rtp, 1: rtcp, 8: rtp, 9: rtcp}
    exchange_pair(channels, (0, 1), chosen)
    assert channels == {chosen[0]: rtp, chosen[1]: rtcp, 8: rtp, 9: rtcp}


@pytest.mark.parametrize("chosen", [(8, 9), (7, 8), (9, 10)])
def test_pair_of_another_track_is_not_had_for_it(chosen: tuple[int, int]) -> None:
    channels: dict[int, ChannelConsumer] = {0: rtp, 1: rtcp, 8: rtp, 9: rtcp}
    with pytest.raises(ProtocolError, match="carries another track"):
        exchange_pair(channels, (0, 1), chosen)
    assert channels == {0: rtp, 1: rtcp, 8: rtp, 9: rtcp}


def test_giving_back_twice_is_no_error() -> None:
    channels: ChannelTable = {4: rtp, 5: rtcp}
    for _ in range(2):
        give_back(channels, (4, 5))
    assert channels == {}
