"""The table of a peer connection's states."""

from __future__ import annotations

import itertools

import pytest

from headwater.protocol.webrtc.datagram_kind import DatagramKind, datagram_kind
from headwater.protocol.webrtc.peer_states import DEADLINES_S, PeerEvent, PeerState, next_state

NEXT = {
    (PeerState.NEW, PeerEvent.CHECK): PeerState.CHECKED,
    (PeerState.NEW, PeerEvent.END): PeerState.CLOSED,
    (PeerState.CHECKED, PeerEvent.CHECK): PeerState.CHECKED,
    (PeerState.CHECKED, PeerEvent.KEYS): PeerState.CONNECTED,
    (PeerState.CHECKED, PeerEvent.END): PeerState.CLOSED,
    (PeerState.CONNECTED, PeerEvent.CHECK): PeerState.CONNECTED,
    (PeerState.CONNECTED, PeerEvent.END): PeerState.CLOSED,
    (PeerState.CLOSED, PeerEvent.END): PeerState.CLOSED,
}


@pytest.mark.parametrize(("state", "event"), [*itertools.product(PeerState, PeerEvent)])
def test_every_event_in_every_state(state: PeerState, event: PeerEvent) -> None:
    if (state, event) in NEXT:
        assert next_state(state, event) is NEXT[state, event]
    else:
        with pytest.raises(ValueError, match=f"{event} came in the state {state}"):
            next_state(state, event)


def test_every_state_that_waits_has_a_deadline() -> None:
    assert set(DEADLINES_S) == set(PeerState) - {PeerState.CLOSED}


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0, DatagramKind.STUN),
        (3, DatagramKind.STUN),
        (4, DatagramKind.OTHER),
        (20, DatagramKind.DTLS),
        (63, DatagramKind.DTLS),
        (64, DatagramKind.OTHER),
        (128, DatagramKind.SRTP),
        (191, DatagramKind.SRTP),
        (192, DatagramKind.OTHER),
        (255, DatagramKind.OTHER),
    ],
)
def test_kinds_of_datagrams(first: int, kind: DatagramKind) -> None:
    assert datagram_kind(bytes((first, 1))) is kind
