"""STUN messages, and whose datagrams are theirs."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from headwater.protocol.errors import ProtocolError
from headwater.protocol.webrtc.datagram_kind import DatagramKind, datagram_kind
from headwater.protocol.webrtc.stun import StunMessage, binding_success

_PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"


def run(data: bytes) -> None:
    if data:
        assert datagram_kind(data) in DatagramKind
    try:
        message = StunMessage.parse(data)
    except ProtocolError as error:
        check_blame(error)
        assert error.offset is not None
        assert 0 <= error.offset <= len(data)
        return
    assert datagram_kind(data) is not DatagramKind.SRTP
    assert sum(map(len, message.attributes.values())) <= len(data)
    message.is_signed_with(_PASSWORD)
    assert message.nominates in (True, False)
    answer = StunMessage.parse(binding_success(message, ("192.0.2.1", 1), _PASSWORD))
    assert answer.transaction == message.transaction
    assert answer.is_signed_with(_PASSWORD)


TARGET = Target(
    invariant="any bytes are a message whose answer can be written and read, or a ProtocolError "
    "that tells where",
    run=run,
    words=(
        b"\x00\x01\x00\x08\x21\x12\xa4\x42",
        b"\x00\x06\x00\x09evtj:h6vY\x00\x00\x00",
        b"\x00\x25\x00\x00",
        b"\x00\x08\x00\x14",
        b"\x80\x28\x00\x04",
        b"\x80\x29\x00\x08",
    ),
    max_bytes=300,
)
