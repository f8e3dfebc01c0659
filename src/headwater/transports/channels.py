"""The interleaved channels of one connection (RFC 2326 §10.12)."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from headwater.protocol.errors import ProtocolError
from headwater.protocol.quirks import channel_pair
from headwater.protocol.status import Status

ChannelConsumer = Callable[[list[bytes]], None]
ChannelTable = MutableMapping[int, ChannelConsumer]


def dropped(packets: list[bytes]) -> None:
    """Take the packets of a channel that is set up and carries nothing yet."""


def take_pair(
    channels: ChannelTable,
    wanted: tuple[int, int] | None,
    on_rtp: ChannelConsumer,
    on_rtcp: ChannelConsumer,
) -> tuple[int, int]:
    """Take the pair a peer asks for, or the first free one where it asks for none or a taken one.

    Raises ProtocolError 453 when all 128 pairs are taken.
    """
    pair = channel_pair(wanted, channels)
    if pair is None:
        raise ProtocolError(
            "every interleaved channel of this connection is taken",
            status=Status.NOT_ENOUGH_BANDWIDTH,
            where="Transport",
        )
    channels[pair[0]] = on_rtp
    channels[pair[1]] = on_rtcp
    return pair


def take_given_pair(
    channels: ChannelTable,
    pair: tuple[int, int],
    on_rtp: ChannelConsumer,
    on_rtcp: ChannelConsumer,
) -> None:
    """Take the pair that the peer has chosen.

    Raises ProtocolError when one of the two carries another track already.
    """
    if taken := [channel for channel in pair if channel in channels]:
        raise ProtocolError(
            f"interleaved={pair[0]}-{pair[1]}: channel {taken[0]} carries another track already",
            where="Transport",
        )
    channels[pair[0]] = on_rtp
    channels[pair[1]] = on_rtcp


def give_back(channels: ChannelTable, pair: tuple[int, int]) -> None:
    """Free a pair that `take_pair` gave."""
    for channel in pair:
        channels.pop(channel, None)
