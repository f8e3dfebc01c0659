"""What the text of an answer settles: the alternative that counts, the group and its ports."""

from __future__ import annotations

import pytest

from headwater.protocol.header.transport import TransportSpec
from headwater.transports.offers.answered_transport import (
    AnswerUnusable,
    answered_group,
    read_answer,
)
from headwater.transports.settings import TransportKind

UDP, TCP, MULTICAST = TransportKind.UDP, TransportKind.TCP, TransportKind.MULTICAST
SDP_GROUP = ("239.1.1.9", 9000)


@pytest.mark.parametrize("answer", [None, "", "  "])
def test_without_an_answer_all_is_as_asked(answer: str | None) -> None:
    assert read_answer(answer, UDP) == TransportSpec()


def test_first_alternative_of_the_kind_asked_for_counts() -> None:
    answer = "RTP/AVP/TCP;interleaved=0-1,RTP/AVP;server_port=1-2,RTP/AVP;server_port=3-4"
    assert read_answer(answer, UDP).server_port == (1, 2)
    assert read_answer(answer, TCP).interleaved == (0, 1)


def test_feedback_profile_is_taken_and_encryption_is_not() -> None:
    assert read_answer("RTP/AVPF;server_port=1-2", UDP).server_port == (1, 2)
    with pytest.raises(AnswerUnusable) as refused:
        read_answer("RTP/SAVPF;server_port=1-2", UDP)
    assert refused.value.answered is None
    assert refused.value.status == 461


@pytest.mark.parametrize(
    ("spec", "address", "ports"),
    [
        (TransportSpec(destination="239.1.1.1", port=(5000, 5001)), "239.1.1.1", (5000, 5001)),
        (TransportSpec(destination="0.0.0.0", port=(5000, 5001)), "239.1.1.9", (5000, 5001)),
        (TransportSpec(destination="192.0.2.1", port=(5000, 5001)), "239.1.1.9", (5000, 5001)),
        (TransportSpec(destination="239.1.1.1"), "239.1.1.1", (9000, 9001)),
        (TransportSpec(destination="[ff15::1]"), "ff15::1", (9000, 9001)),
        (TransportSpec(), "239.1.1.9", (9000, 9001)),
    ],
)
def test_group_is_the_answers_or_else_the_one_of_the_sdp(
    spec: TransportSpec, address: str, ports: tuple[int, int]
) -> None:
    group = answered_group(spec, "192.0.2.7", announced=SDP_GROUP, interface="eth0")
    assert (group.address, group.ports, group.interface) == (address, ports, "eth0")
    assert group.hosts == ("192.0.2.7",)


@pytest.mark.parametrize("announced", [None, ("192.0.2.1", 9000), ("239.1.1.9", 0)])
def test_group_or_port_that_nobody_names_is_refused(announced: tuple[str, int] | None) -> None:
    with pytest.raises(AnswerUnusable, match="multicast group and its port"):
        answered_group(TransportSpec(), "192.0.2.7", announced=announced, interface="")
