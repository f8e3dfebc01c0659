"""The interleaved channels of one connection (RFC 2326 §10.12)."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from headwater.protocol.errors import ProtocolError
from headwater.protocol.quirks import channel_pair
from headwater.protocol.status import Status


@dataclass(frozen=True, slots=True)
class ChannelConsumer:
    """Who takes the packets of one channel.

    Attributes:
        take: takes packets, which are its own from now on. Behind them the same ones as `$` frames,
            as they came, where nothing was between them.
        take_run: takes packets of one size back to back, the last maybe shorter, that size, and
            them as they came. None has them come by `take`.
    """

    take: Callable[[list[bytes], bytes | None], None]
    take_run: Callable[[bytes, int, bytes], None] | None = None


ChannelTable = MutableMapping[int, ChannelConsumer]

DROPPED = ChannelConsumer(lambda _packets, _frames: None)
"""Of a channel that is set up and carries nothing yet."""


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


def exchange_pair(channels: ChannelTable, taken: tuple[int, int], chosen: tuple[int, int]) -> None:
    """Have what takes from one pair take from the pair that the peer has chosen instead.

    Raises ProtocolError, and changes nothing, when one of the two carries another track already.
    """
    for channel in chosen:
        if channel in channels and channel not in taken:
            raise ProtocolError(
                f"interleaved={chosen[0]}-{chosen[1]}: channel {channel} carries another track",
                where="Transport",
            )
    consumers = [channels.pop(channel) for channel in taken]
    channels.update(zip(chosen, consumers, strict=True))


def give_back(channels: ChannelTable, pair: tuple[int, int]) -> None:
    """Free a pair that `take_pair` gave."""
    for channel in pair:
        channels.pop(channel, None)
