from headwater.media.tracks.rtcp_participant import RtcpParticipant


def test_participants_are_told_apart() -> None:
    some = [RtcpParticipant.random() for _ in range(20)]
    assert len({each.ssrc for each in some}) == len({each.cname for each in some}) == 20
    assert all(0 <= each.ssrc < 1 << 32 for each in some)
