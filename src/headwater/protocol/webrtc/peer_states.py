"""The states of a peer connection, and how long each may last."""

from enum import StrEnum


class PeerState(StrEnum):
    """Where a peer connection stands."""

    NEW = "new"
    """Its offer is answered; no checked STUN request has come."""
    CHECKED = "checked"
    """The peer can be reached; the handshake of DTLS goes on."""
    CONNECTED = "connected"
    """Both have keys: media flows."""
    CLOSED = "closed"
    """It is over."""


class PeerEvent(StrEnum):
    """What happens to a peer connection."""

    CHECK = "check"
    """A STUN request that is signed rightly came."""
    KEYS = "keys"
    """DTLS has ended, and the peer's certificate is the one that the offer named."""
    END = "end"
    """Either side closes it, or it failed."""


_TABLE: dict[PeerState, dict[PeerEvent, PeerState]] = {
    PeerState.NEW: {
        PeerEvent.CHECK: PeerState.CHECKED,
        PeerEvent.END: PeerState.CLOSED,
    },
    PeerState.CHECKED: {
        PeerEvent.CHECK: PeerState.CHECKED,
        PeerEvent.KEYS: PeerState.CONNECTED,
        PeerEvent.END: PeerState.CLOSED,
    },
    PeerState.CONNECTED: {
        PeerEvent.CHECK: PeerState.CONNECTED,
        PeerEvent.END: PeerState.CLOSED,
    },
    PeerState.CLOSED: {PeerEvent.END: PeerState.CLOSED},
}

CONSENT_S = 30.0
"""RFC 7675 §5.1: without a check for so long nothing may be sent any more."""
_SETUP_S = 15.0
DEADLINES_S: dict[PeerState, float] = {
    PeerState.NEW: _SETUP_S,
    PeerState.CHECKED: _SETUP_S,
    PeerState.CONNECTED: CONSENT_S,
}
"""How long each state may last: the first two since they began, the last since the last check."""


def next_state(state: PeerState, event: PeerEvent) -> PeerState:
    """Return the state that follows.

    Raises:
        ValueError: the event cannot happen in this state.
    """
    allowed = _TABLE[state]
    if event not in allowed:
        raise ValueError(f"{event} came in the state {state}, which has {', '.join(allowed)}")
    return allowed[event]
