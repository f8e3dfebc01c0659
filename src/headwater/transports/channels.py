"""The interleaved channels of one connection (RFC 2326 §10.12)."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from headwater.protocol.errors import ProtocolError
from headwater.protocol.status import Status

ChannelConsumer = Callable[[list[bytes]], None]
ChannelTable = MutableMapping[int, ChannelConsumer]

_CHANNELS = 256


def take_pair(
    channels: ChannelTable,
    wanted: tuple[int, int] | None,
    on_rtp: ChannelConsumer,
    on_rtcp: ChannelConsumer,
) -> tuple[int, int]:
    """Take the pair a peer asks for, or the first free one where it asks for none or a taken one.

    Raises ProtocolError 453 when all 128 pairs are taken.
    """
    pair = wanted
    if pair is None or not _is_free(channels, pair):
        free = (
            (rtp, rtp + 1) for rtp in range(0, _CHANNELS, 2) if _is_free(channels, (rtp, rtp + 1))
        )
        pair = next(free, None)
    if pair is None:
        raise ProtocolError(
            "every interleaved channel of this connection is taken",
            status=Status.NOT_ENOUGH_BANDWIDTH,
            where="Transport",
        )
    channels[pair[0]] = on_rtp
    channels[pair[1]] = on_rtcp
    return pair


def give_back(channels: ChannelTable, pair: tuple[int, int]) -> None:
    """Free a pair that `take_pair` gave."""
    for channel in pair:
        channels.pop(channel, None)


def _is_free(channels: ChannelTable, pair: tuple[int, int]) -> bool:
    rtp, rtcp = pair
    return (
        rtp != rtcp
        and 0 <= rtp < _CHANNELS
        and 0 <= rtcp < _CHANNELS
        and rtp not in channels
        and rtcp not in channels
    )
