"""What happens to the node that fetches a camera, or to its links, and who watches meanwhile."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from link_readers import LinkReader, Program, Seen
from linked_cluster import NODES, REGISTRY, LinkedCluster
from network_places import CUT

SLOW = {"delay_s": 0.2, "loss": 0.01}
_SLOW_PICTURES = 250


@dataclass(frozen=True, slots=True)
class Watched:
    """What the readers saw.

    Attributes:
        holder: the one at the node that had the camera.
        edge: those at the node whose link to that one is bad, where it is one link.
        third: the one at the other node.
        elsewhere_s: after what time another node had the camera and it played; None where none.
    """

    holder: Seen
    edge: tuple[Seen, ...]
    third: Seen
    elsewhere_s: float | None = None


class Audience:
    """Players of each kind at one node, one more at each of the others."""

    def __init__(self, cluster: LinkedCluster, programs: Sequence[Program]) -> None:
        self.cluster = cluster
        self.holder = cluster.reader(Program.FFMPEG, cluster.holder)
        self.edge = [cluster.reader(program, cluster.edge) for program in programs]
        self.third = cluster.reader(Program.FFMPEG, cluster.third)

    @property
    def all(self) -> tuple[LinkReader, ...]:
        """All of them."""
        return (self.holder, *self.edge, self.third)

    async def begin(self) -> None:
        """Wait until all play, and count from then on."""
        await self.play_on()
        for reader in self.all:
            reader.watch()

    async def play_on(self, pictures: int = 50) -> None:
        """Wait for more pictures at all of them."""
        await asyncio.gather(*(reader.plays_on(pictures) for reader in self.all))

    def watched(self, elsewhere_s: float | None = None) -> Watched:
        """What they saw."""
        edge = tuple(reader.seen() for reader in self.edge)
        return Watched(self.holder.seen(), edge, self.third.seen(), elsewhere_s)


async def killed(audience: Audience) -> Watched:
    """The node is killed without a word, as long before the end of its lease as can be."""
    cluster = audience.cluster
    await cluster.until_renewed()
    began_s = time.monotonic()
    cluster.signal(cluster.holder, signal.SIGKILL)
    await cluster.until_filled([cluster.edge, cluster.third])
    elsewhere_s = time.monotonic() - began_s
    await audience.play_on()
    return audience.watched(elsewhere_s)


async def frozen(audience: Audience) -> Watched:
    """The node stands still for longer than its lease, and goes on."""
    cluster = audience.cluster
    began_s = time.monotonic()
    cluster.signal(cluster.holder, signal.SIGSTOP)
    try:
        after = await cluster.until_filled([cluster.edge, cluster.third])
        elsewhere_s = time.monotonic() - began_s
        await audience.play_on()
    finally:
        cluster.signal(cluster.holder, signal.SIGCONT)
    await cluster.until_joined(NODES)
    await cluster.until_logged(cluster.holder, "lease lost")
    await audience.play_on()
    again = cluster.reader(Program.FFMPEG, cluster.holder)
    await again.plays_on()
    assert again.url == audience.holder.first_url, "the node plays again what it had"
    assert await cluster.tenure() == after, "a node that stood still has taken its path back"
    return audience.watched(elsewhere_s)


async def without_registry(audience: Audience) -> Watched:
    """The node cannot reach the registry for longer than its lease."""
    return await _cut_off(audience, [REGISTRY])


async def without_anybody(audience: Audience) -> Watched:
    """The node can reach nobody for longer than its lease."""
    places = audience.cluster.places.names
    return await _cut_off(audience, [name for name in places if name != audience.cluster.holder])


async def _cut_off(audience: Audience, others: Sequence[str]) -> Watched:
    cluster = audience.cluster
    began_s = time.monotonic()
    await cluster.places.cut(cluster.holder, others)
    after = await cluster.until_filled([cluster.edge, cluster.third])
    elsewhere_s = time.monotonic() - began_s
    await audience.play_on()
    await cluster.places.impair()
    await cluster.until_joined(NODES)
    await cluster.until_logged(cluster.holder, "lease lost")
    await audience.play_on()
    assert await cluster.tenure() == after, "a node that was cut off has taken its path back"
    return audience.watched(elsewhere_s)


async def without_each_other(audience: Audience) -> Watched:
    """The node and another one cannot reach each other; both reach all others."""
    cluster = audience.cluster
    await cluster.places.cut(cluster.holder, [cluster.edge])
    return await _apart(audience)


async def one_way(audience: Audience) -> Watched:
    """Nothing of the node reaches another one, which is heard itself."""
    cluster = audience.cluster
    await cluster.places.impair((cluster.holder, cluster.edge, CUT))
    return await _apart(audience)


async def other_way(audience: Audience) -> Watched:
    """Nothing of another node reaches the node, which is heard itself."""
    cluster = audience.cluster
    await cluster.places.impair((cluster.edge, cluster.holder, CUT))
    return await _apart(audience)


async def _apart(audience: Audience) -> Watched:
    cluster = audience.cluster
    before = await cluster.tenure()

    async def gone() -> bool:
        return all(reader.starts for reader in audience.edge)

    # Some wait longer than others, and until they leave they do not know of another node.
    await cluster.until(gone)
    await audience.play_on()
    await cluster.places.impair()
    again = cluster.reader(Program.FFMPEG, cluster.edge)
    await again.plays_on()
    await audience.play_on()
    assert await cluster.tenure() == before, "nobody had a reason to take the path"
    return audience.watched()


async def slow(audience: Audience) -> Watched:
    """The link between the node and another one is slow, and loses packets."""
    cluster = audience.cluster
    await cluster.places.slow(cluster.holder, cluster.edge, SLOW)
    await audience.play_on(_SLOW_PICTURES)
    await cluster.places.impair()
    await audience.play_on()
    return audience.watched()


CASES: dict[str, Callable[[Audience], Awaitable[Watched]]] = {
    "killed": killed,
    "frozen": frozen,
    "without registry": without_registry,
    "without anybody": without_anybody,
    "without each other": without_each_other,
    "one way": one_way,
    "other way": other_way,
    "slow": slow,
}
