from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.packetizer import Packetizer
from headwater.protocol.rtp import RtpHeader


def test_headers_go_on_from_unit_to_unit_and_the_marker_is_on_the_last_packet() -> None:
    rooms: list[int] = []

    def payloads(unit: AccessUnit, room: int) -> list[bytes]:
        rooms.append(room)
        return list(unit.units)

    packetizer = Packetizer(
        payloads, payload_type=102, ssrc=0xFEEDBEEF, sequence_number=0xFFFE, most_bytes=900
    )
    units = [AccessUnit(90, (b"one", b"two", b"three")), AccessUnit(180, (b"four",))]
    packets = [packet for unit in units for packet in packetizer.packets(unit)]
    heads = [RtpHeader.parse(packet) for packet in packets]
    assert [head.sequence_number for head in heads] == [0xFFFE, 0xFFFF, 0, 1]
    assert [head.marker for head in heads] == [False, False, True, True]
    assert [head.timestamp for head in heads] == [90, 90, 90, 180]
    assert {(head.payload_type, head.ssrc) for head in heads} == {(102, 0xFEEDBEEF)}
    assert [packet[12:] for packet in packets] == [b"one", b"two", b"three", b"four"]
    assert packetizer.sequence_number == 2
    assert rooms == [888, 888]
    assert packetizer.packets(AccessUnit(270, ())) == []
