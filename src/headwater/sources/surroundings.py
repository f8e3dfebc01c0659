"""What the sources of one server share."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.client.surroundings import Surroundings
from headwater.client.transport_memory import TransportMemory
from headwater.relay.relay import Relay
from headwater.sources.settings import SourcesSettings
from headwater.sources.start_gate import StartGate


@dataclass(slots=True)
class SourceSurroundings:
    """What the sources of one server share.

    Attributes:
        relay: where the mounts are.
        client: what clients share: ports, clock, limits.
        memory: which transport led to which URL.
        gate: turns to start.
        reader_gate: turns of those that readers wait for.
        settings: of all sources together.
    """

    relay: Relay
    client: Surroundings
    memory: TransportMemory
    gate: StartGate
    reader_gate: StartGate
    settings: SourcesSettings
