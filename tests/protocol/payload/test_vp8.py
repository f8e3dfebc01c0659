import pytest

from headwater.protocol.payload.vp8 import descriptor_end


@pytest.mark.parametrize(
    "descriptor",
    [
        b"\x10",
        b"\x80\x00",
        b"\x80\x80\x01",
        b"\x80\x80\x81\x02",
        b"\x80\x40\x01",
        b"\x80\x20\x01",
        b"\x80\x10\x01",
        # TID and KEYIDX share a byte.
        b"\x80\x30\x01",
        b"\x90\xf0\x81\x02\x03\x04",
    ],
)
def test_where_the_descriptor_ends(descriptor: bytes) -> None:
    assert descriptor_end(b"..." + descriptor + b"payload", 3) == 3 + len(descriptor)


@pytest.mark.parametrize("packet", [b"", b"\x80", b"\x80\x80"])
def test_a_packet_that_ends_before(packet: bytes) -> None:
    with pytest.raises(IndexError):
        descriptor_end(packet, 0)
