"""STUN by the test vectors of RFC 5769, written and read again, and damaged everywhere."""

from __future__ import annotations

import pytest

from headwater.protocol.errors import ProtocolError
from headwater.protocol.webrtc.stun import (
    BINDING_REQUEST,
    BINDING_SUCCESS,
    Attribute,
    StunMessage,
    binding_error,
    binding_request,
    binding_success,
)

TRANSACTION = bytes(range(12))
# RFC 5769 §2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, …
SAMPLE = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"


def test_the_sample_of_rfc_5769() -> None:
    message = StunMessage.parse(SAMPLE)
    assert message.kind == BINDING_REQUEST
    assert message.username == ("evtj", "h6vY")
    assert message.is_signed_with(PASSWORD)
    assert not message.is_signed_with(PASSWORD + "x")
    assert not message.nominates


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.1", 32853), ("2001:db8:1234:5678:11:2233:4455:6677", 32853)]
)
def test_an_answer_tells_the_address(host: str, port: int) -> None:
    request = StunMessage.parse(binding_request(TRANSACTION, username="a:b", password="p"))
    answer = StunMessage.parse(binding_success(request, (host, port), "p"))
    assert (answer.kind, answer.transaction) == (BINDING_SUCCESS, TRANSACTION)
    assert answer.is_signed_with("p")
    value = answer.attributes[Attribute.XOR_MAPPED_ADDRESS]
    assert int.from_bytes(value[2:4], "big") ^ 0x2112 == port
    if "." in host:
        assert value[4:] == bytes.fromhex("e112a643")  # RFC 5769 §2.2


def test_a_refusal_has_its_code() -> None:
    request = StunMessage.parse(SAMPLE)
    answer = StunMessage.parse(binding_error(request, 487, "Role Conflict", PASSWORD))
    assert answer.attributes[Attribute.ERROR_CODE] == b"\0\0\4\x57Role Conflict"


def test_what_follows_the_signature_counts_for_nothing() -> None:
    signed = binding_request(TRANSACTION, username="a:b", password="p")
    # In place of the fingerprint a nomination that nobody signed.
    forged = signed[:-8] + bytes((0, 0x25, 0, 4, 0, 0, 0, 0))
    message = StunMessage.parse(forged)
    assert message.is_signed_with("p")
    assert not message.nominates


# Behind the signature is the fingerprint alone, whose own name nobody signs.
FINGERPRINT_AT = len(SAMPLE) - 8


@pytest.mark.parametrize("position", {*range(len(SAMPLE))} - {FINGERPRINT_AT, FINGERPRINT_AT + 1})
def test_no_changed_byte_goes_unnoticed(position: int) -> None:
    changed = bytearray(SAMPLE)
    changed[position] ^= 0x40
    try:
        message = StunMessage.parse(bytes(changed))
    except ProtocolError:
        return
    assert not message.is_signed_with(PASSWORD)


@pytest.mark.parametrize("length", range(len(SAMPLE)))
def test_every_cut_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError):
        StunMessage.parse(SAMPLE[:length])
