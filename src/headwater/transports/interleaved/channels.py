"""The interleaved channels of one connection (RFC 2326 §10.12)."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Protocol

from headwater.protocol.errors import ProtocolError
from headwater.protocol.quirks import channel_pair
from headwater.protocol.status import Status


class ChannelConsumer(Protocol):
    """Who takes the packets of one channel."""

    def __call__(self, packets: list[bytes], frames: bytes | None = None, /) -> None:
        """Take packets, which are a consumer's own from now on.

        `frames` are the same ones as they came, where nothing was between them.
        """


ChannelTable = MutableMapping[int, ChannelConsumer]


def dropped(_packets: list[bytes], _frames: bytes | None = None) -> None:
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
