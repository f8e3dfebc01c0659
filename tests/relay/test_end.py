from some_end import SomeEnd

from headwater.relay.end import EndIdentity, EndKind
from headwater.side import Side

READER = EndIdentity(
    id="r",
    kind=EndKind.WEBRTC,
    side=Side.PLAY,
    path="/a",
    username="ann",
    user_agent="Firefox",
)


def test_a_snapshot_names_its_kind() -> None:
    end = SomeEnd(READER, 5.0)
    snapshot = end.snapshot()
    assert (snapshot.id, snapshot.kind, snapshot.role, snapshot.path) == (
        "r",
        EndKind.WEBRTC,
        Side.PLAY,
        "/a",
    )
    assert (snapshot.username, snapshot.user_agent, snapshot.opened_s) == ("ann", "Firefox", 5.0)
    assert (snapshot.transport, snapshot.tracks) == ("none", ())
