"""What a worker and its supervisor say to each other."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import News
from headwater.net.socket_address import Address
from headwater.relay.finding import Wanted
from headwater.relay.shared_counts import SharedCounts
from headwater.side import Side

# -- from a worker


@dataclass(frozen=True, slots=True)
class Claim:
    """May a publisher have this path?

    `yields`: it is a mount of another machine, and whoever publishes at this one goes before it.
    """

    number: int
    path: str
    replaces: bool
    yields: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """The publisher fills its path now."""

    tenure: Tenure


@dataclass(frozen=True, slots=True)
class Release:
    """The publisher is gone."""

    tenure: Tenure


@dataclass(frozen=True, slots=True)
class Find:
    """Who has this path? `passes_on`: the one who asks has a connection of this side to pass on."""

    number: int
    path: str
    passes_on: Side | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """Give the socket to the holder of this tenure, who sends the mount on it.

    `wanted`: the path has no tenure yet, and the holder is the one that fetches its source. Where
    neither is there, readers wait for a mount of another machine, which the holder is to bring.
    """

    tenure: Tenure
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True)
class PassOn:
    """Give a client's connection, the socket, to another worker.

    Attributes:
        to: which.
        peer: the client's address, which a proxy may have told.
        sides: what its port serves.
        data: what was read of it.
    """

    to: str
    peer: Address
    sides: frozenset[Side]
    data: bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life once a second, with what the worker counts.

    `busy_share` is the share of one core that it used since the last one.
    """

    counts: SharedCounts
    busy_share: float


@dataclass(frozen=True, slots=True)
class Counted:
    """What the worker has counted since its start, which is kept when it ends."""

    totals: object


@dataclass(frozen=True, slots=True)
class PortTaken:
    """The worker takes connections of a port from now on, or no more; the supervisor accepts."""

    port: int
    takes: bool


@dataclass(frozen=True, slots=True)
class Guess:
    """Wrong credentials came from a source for a user; others count them too."""

    source: Hashable
    user: Hashable


@dataclass(frozen=True, slots=True)
class Login:
    """A user logged in from an address, which is known for that user from now on."""

    peer: str
    username: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question for the other workers, by its name; `Told` has what they answer.

    Attributes:
        number: of the question.
        question: what is asked.
        argument: what about.
        to: the worker that is asked; "" for all others, and for the supervisor where it is its own.
    """

    number: int
    question: str
    argument: object = None
    to: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an `Order`, or what it raised."""

    number: int
    value: object = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class AskRegistry:
    """Ask the cluster's registry for the worker; `RegistryTold` is the answer.

    Attributes:
        number: of the question.
        call: which of the registry's calls.
        arguments: those of the call.
    """

    number: int
    call: str
    arguments: tuple[object, ...] = ()


# -- from the supervisor


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to `Claim`; None where another has the path."""

    number: int
    tenure: Tenure | None


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to `Find`. `passes_on_to`: the worker that takes the connection, if another."""

    number: int
    tenure: Tenure | None
    passes_on_to: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Another has taken the path: the publisher of this tenure has to go."""

    tenure: Tenure


@dataclass(frozen=True, slots=True)
class MakeWay:
    """Another worker has a publisher for this path: is the one that has it still there?"""

    path: str


@dataclass(frozen=True, slots=True)
class PublisherUp:
    """A path is filled from now on, by this tenure."""

    tenure: Tenure


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What all other workers count together."""

    counts: SharedCounts


@dataclass(frozen=True, slots=True)
class Order:
    """Do this, by its name, and answer."""

    number: int
    name: str
    argument: object = None


@dataclass(frozen=True, slots=True)
class Told:
    """The answers to an `Ask`: by worker, or the supervisor's own; or why there is none."""

    number: int
    answers: object = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A new connection, the socket, for a worker that takes those of this port."""

    port: int
    peer: Address


@dataclass(frozen=True, slots=True)
class RegistryTold:
    """The answer to `AskRegistry`; `gone` says why there is none."""

    number: int
    value: object = None
    gone: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterNews:
    """What the registry tells all nodes of a path."""

    news: News


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whether news of the cluster are heard from now on; after `False` some may be missed."""

    hears: bool


Between = Connect | PassOn | Guess | Login
"""What one worker says to another, by the supervisor."""
ToSupervisor = (
    Claim
    | Take
    | Release
    | Find
    | Beat
    | Counted
    | Ask
    | Answer
    | PortTaken
    | AskRegistry
    | Between
)
ToWorker = (
    Claimed
    | Found
    | Lost
    | MakeWay
    | PublisherUp
    | Elsewhere
    | Order
    | Told
    | Accepted
    | RegistryTold
    | ClusterNews
    | Hearing
    | Between
)
