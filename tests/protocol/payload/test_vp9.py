import pytest

from headwater.protocol.payload.vp9 import begins_key_frame, descriptor_end, spatial_layer


@pytest.mark.parametrize(
    ("descriptor", "layer"),
    [
        (b"\x08", 0),
        (b"\x88\x01", 0),
        (b"\x88\x81\x02", 0),
        (b"\x28\x00\x05", 0),
        (b"\x28\x02\x05", 1),
        (b"\xa8\x81\x02\x0e\x05", 7),
        # Flexible: no byte for TL0PICIDX.
        (b"\x38\x04", 2),
        # With P as well: one to three differences.
        (b"\x58\x02", 0),
        (b"\x58\x03\x02", 0),
        (b"\x58\x03\x03\x02", 0),
        (b"\x58\x03\x03\x03", 0),
        # Scalability: two layers with sizes, then three pictures with 0, 1 and 3 references.
        (b"\x0a\x30abcdefgh", 0),
        (b"\x0a\x38abcdefgh\x03\x00\x04r\x0crrr", 0),
        (b"\x0a\x00", 0),
    ],
)
def test_the_payload_descriptor(descriptor: bytes, layer: int) -> None:
    packet = b"..." + descriptor + b"payload"
    assert descriptor_end(packet, 3) == 3 + len(descriptor)
    assert spatial_layer(packet, 3) == layer


@pytest.mark.parametrize("packet", [b"", b"\x88", b"\xa8\x01", b"\x0a", b"\x0a\x08\x02\x04"])
def test_a_packet_that_ends_before(packet: bytes) -> None:
    with pytest.raises(IndexError):
        packet[descriptor_end(packet, 0)]


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (0x82, True),
        (0x86, False),
        (0x8A, False),
        # Profile 3 has a reserved bit before the two.
        (0xB0, True),
        (0xB2, False),
        (0xB4, False),
        # Another frame marker.
        (0x42, False),
        (0x00, False),
    ],
)
def test_the_first_byte_of_a_key_frame(header: int, key: bool) -> None:
    assert begins_key_frame(header) is key
