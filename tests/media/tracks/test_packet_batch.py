from hypothesis import given
from hypothesis import strategies as st

from headwater.media.tracks.packet_batch import NO_KEY_FRAME, PacketBatch

PACKETS = [b"aaaa", b"bb", b"cccccc"]


def test_a_batch_knows_its_size() -> None:
    batch = PacketBatch(PACKETS, 3.5)
    assert (len(batch), batch.size_bytes, batch.arrived_s) == (3, 12, 3.5)
    assert batch.key_frame_index == NO_KEY_FRAME
    assert PacketBatch(PACKETS, 0.0, size_bytes=99).size_bytes == 99


def test_shared_builds_once_per_key() -> None:
    batch = PacketBatch(PACKETS, 0.0)
    built: list[str] = []

    def build(key: str) -> bytes:
        def join(of: PacketBatch) -> bytes:
            built.append(key)
            return b"".join(of.packets)

        return batch.shared(key, join)

    assert build("x") == build("x") == b"aaaabbcccccc"
    assert build("y") == b"aaaabbcccccc"
    assert built == ["x", "y"]
    batch.forget_shared()
    build("x")
    assert built == ["x", "y", "x"]


def test_tails_and_heads_are_made_once_and_carry_the_key_frame_along() -> None:
    batch = PacketBatch(PACKETS, 2.0, key_frame_index=1)
    tail = batch.tail(1)
    assert tail is batch.tail(1)
    assert batch.tail(0) is batch
    assert (tail.packets, tail.size_bytes, tail.arrived_s) == (PACKETS[1:], 8, 2.0)
    assert tail.key_frame_index == 0
    assert batch.tail(2).key_frame_index == NO_KEY_FRAME
    head = batch.head(2)
    assert head is batch.head(2)
    assert (head.packets, head.key_frame_index) == (PACKETS[:2], 1)
    assert batch.head(3) is batch.head(9) is batch
    assert batch.head(1).key_frame_index == NO_KEY_FRAME


def test_between_takes_the_middle() -> None:
    batch = PacketBatch(PACKETS, 2.0, key_frame_index=1)
    middle = batch.between(1, 2)
    assert (middle.packets, middle.key_frame_index) == ([b"bb"], 0)


def test_batches_are_joined_in_their_order_with_the_first_key_frame_of_all() -> None:
    before = PacketBatch([b"a"], 1.0)
    key = PacketBatch(PACKETS, 2.0, key_frame_index=1)
    later = PacketBatch(PACKETS, 3.0, key_frame_index=0)
    joined = PacketBatch.join([before, key, later])
    assert joined.packets == [b"a", *PACKETS, *PACKETS]
    assert (joined.arrived_s, joined.key_frame_index, joined.size_bytes) == (1.0, 2, 25)
    assert before.packets == [b"a"]
    assert PacketBatch.join([before, before]).key_frame_index == NO_KEY_FRAME
    assert PacketBatch.join([key]) is key


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=9),
    st.integers(-1, 8),
    st.data(),
)
def test_a_batch_of_bytes_is_as_one_of_objects(
    sizes: list[int], key_frame: int, draw: st.DataObject
) -> None:
    packets = [bytes([0x80, each * 40 & 0xFF, 2, 3, 4][:size]) for each, size in enumerate(sizes)]
    packets = [packet.ljust(2, b"\xff") for packet in packets]
    objects = PacketBatch(packets, 1.0, min(key_frame, len(sizes) - 1))
    joined = objects.compact()
    assert joined.joined == b"".join(packets)
    assert joined.compact() is joined
    start = draw.draw(st.integers(0, len(sizes) - 1))
    stop = draw.draw(st.integers(start + 1, len(sizes)))
    pairs = [
        (objects, joined),
        (objects.between(start, stop), joined.between(start, stop)),
        (objects.tail(start), joined.tail(start)),
        (objects.head(stop), joined.head(stop)),
        (PacketBatch.join([objects, objects]), PacketBatch.join([joined, objects])),
    ]
    for one, other in pairs:
        assert list(other.look()) == list(one.look()) == one.packets
        assert other.packets == one.packets
        assert list(other.sizes) == list(one.sizes)
        assert (len(other), other.size_bytes) == (len(one), one.size_bytes)
        assert (other.arrived_s, other.key_frame_index) == (one.arrived_s, one.key_frame_index)
        assert (other.ends_picture, other.picture_end) == (one.ends_picture, one.picture_end)
        assert other.work_bytes == one.work_bytes


def test_who_looks_at_packets_of_bytes_leaves_no_objects() -> None:
    joined = PacketBatch([bytes([0x80, 96]) * 8] * 5, 0.0).compact()
    assert next(joined.look()) == bytes([0x80, 96]) * 8
    assert joined._built is None


def test_packets_larger_than_a_datagram_are_kept_as_bytes() -> None:
    batch = PacketBatch([bytes(70_000), bytes(80_000)], 0.0)
    assert batch.compact().packets == batch.packets
