"""What each quirk of RTP and RTCP looks like on the wire."""

from __future__ import annotations

from itertools import pairwise

import pytest
from camera_talk import UDP, CameraTalk

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample
from headwater.testing.fake_camera.faults import Bitrot, CutAfter, Drop, Reorder, SequenceJump
from headwater.testing.fake_camera.quirks import MEDIA
from headwater.testing.fake_camera.quirks.media import BROKEN_RTCP, ENDLESS_SDES
from headwater.testing.fake_camera.track import Track

FAST = CameraSettings(pace=None)
IDR, SPS, PPS, AUD, FU_A = 5, 7, 8, 9, 28
PROVEN = {
    "foreign-channel",
    "foreign-source",
    "garbage-between-frames",
    "large-datagrams",
    "rtcp-broken",
    "sdes-without-end",
    "no-sender-reports",
    "repeated-sequence",
    "fragments-without-start",
    "fragments-without-end",
    "fragments-change-type",
    "timestamp-within-unit",
    "marker-on-parameter-sets",
    "joined-nal-units",
    "late-parameter-sets",
    "empty-units",
    "timestamp-step",
    "silent-over-udp",
}


def test_every_quirk_has_its_proof() -> None:
    assert {quirk.name for quirk in MEDIA} == PROVEN


async def test_a_good_camera_keeps_the_rules() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(settings=FAST)) as talk:
        await talk.play()
        units = await talk.pictures(60)
    packets = [packet for unit in units for packet in unit]
    first = packets[0]
    assert [p.seq for p in packets] == [(first.seq + n) & 0xFFFF for n in range(len(packets))]
    assert {p.ssrc for p in packets} == {first.ssrc}
    for number, unit in enumerate(units):
        stamps = {packet.timestamp for packet in unit}
        assert stamps == {(first.timestamp + number * 3_600) & 0xFFFFFFFF}
    kinds = [packet.payload[0] & 31 for packet in units[25]]
    assert kinds == [SPS, PPS] + [FU_A] * (len(kinds) - 2)
    bits = [packet.payload[1] & 0xC0 for packet in units[25][2:]]
    assert bits == [0x80] + [0] * (len(bits) - 2) + [0x40]


async def test_a_seed_says_everything_that_is_random() -> None:
    seen = []
    for seed in (1, 1, 2):
        settings = CameraSettings(pace=None, seed=seed)
        async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
            await talk.play()
            seen.append([packet.data for packet in await talk.packets(20)])
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


async def test_a_sender_report_fits_the_packets() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        talk.camera.clock.offset_s = 3_600.0
        await talk.play()
        report = await talk.report()
        (packet,) = await talk.packets(1)
        elapsed_s = talk.camera.clock.elapsed_s()
        now = talk.camera.clock.ntp(elapsed_s)
    ntp = int.from_bytes(report[8:16], "big")
    assert report[1] == 200
    assert int.from_bytes(report[4:8], "big") == packet.ssrc
    assert int.from_bytes(report[16:20], "big") == packet.timestamp
    assert 0 <= (now - ntp) >> 32 < 10
    talk.camera.clock.offset_s = 0.0
    assert (ntp - talk.camera.clock.ntp(elapsed_s)) / (1 << 32) > 3_590


@pytest.mark.parametrize("ppm", [0, 200, -50_000])
async def test_sender_reports_keep_the_cameras_own_time(ppm: float) -> None:
    """Its media and its wall clock are of one clock, however wrong that runs."""
    settings = CameraSettings(report_interval_s=0.05)
    async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
        talk.camera.clock.ppm = ppm
        await talk.play()
        reports = [await talk.report() for _ in range(4)]
    ntp_s = [int.from_bytes(each[8:16], "big") / (1 << 32) for each in reports]
    stamps = [int.from_bytes(each[16:20], "big") for each in reports]
    media_s = [((stamp - stamps[0]) & 0xFFFFFFFF) / 90_000 for stamp in stamps]
    assert [each - ntp_s[0] for each in ntp_s] == pytest.approx(media_s, abs=1e-5)
    assert media_s[-1] > 0


async def test_foreign_channels_and_sources_come_beside_the_others() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("foreign-channel", settings=FAST)) as talk:
        await talk.play()
        (foreign,) = await talk.packets(1, channel=16)
        assert foreign.data == b"nobody asked for this"
    async with CameraTalk.with_one(AsyncFakeCamera("foreign-source", settings=FAST)) as talk:
        await talk.play()
        sources = {packet.ssrc for packet in await talk.packets(30)}
        assert len(sources) == 2
        assert 0xDEAD in sources


async def test_garbage_comes_between_frames() -> None:
    async with CameraTalk.with_one(
        AsyncFakeCamera("garbage-between-frames", settings=FAST)
    ) as talk:
        await talk.play()
        data = await talk.reader.readuntil(b"garbage\r\n\x01$")
    assert data.endswith(b"\x00\xff\x80garbage\r\n\x01$")


async def test_large_datagrams() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("large-datagrams")) as talk:
        await talk.play(UDP)
        lengths = [len((await talk.datagram())[0].data) for _ in range(4)]
    assert max(lengths) == 10_000


@pytest.mark.parametrize(
    ("name", "rtcp"), [("rtcp-broken", BROKEN_RTCP), ("sdes-without-end", ENDLESS_SDES)]
)
async def test_broken_rtcp_follows_the_report(name: str, rtcp: bytes) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        await talk.play()
        assert (await talk.report())[1] == 200
        assert await talk.report() == rtcp


async def test_no_sender_reports() -> None:
    settings = CameraSettings(pace=None, report_interval_s=0.0)
    counts = []
    for camera in (
        AsyncFakeCamera(settings=settings),
        AsyncFakeCamera("no-sender-reports", settings=settings),
    ):
        async with CameraTalk.with_one(camera) as talk:
            await talk.play()
            frames = [await talk.peer.frame() for _ in range(40)]
            counts.append(sum(channel == 1 for channel, _ in frames))
    assert counts[0] > 10
    assert counts[1] == 0


async def test_a_sequence_number_is_repeated_by_another_type() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("repeated-sequence", settings=FAST)) as talk:
        await talk.play()
        packets = await talk.packets(40)
    odd = [n for n, packet in enumerate(packets) if packet.payload_type == 50]
    assert odd
    assert all(packets[n].seq == packets[n - 1].seq for n in odd)


@pytest.mark.parametrize(
    ("name", "bits", "kinds"),
    [
        ("fragments-without-start", {0, 0x40}, {IDR}),
        ("fragments-without-end", {0x80, 0}, {IDR}),
        ("fragments-change-type", {0x80, 0, 0x40}, {IDR, 1}),
    ],
)
async def test_bits_of_fragments(name: str, bits: set[int], kinds: set[int]) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name, settings=FAST)) as talk:
        await talk.play()
        (unit,) = await talk.pictures(1)
    fragments = [packet.payload[1] for packet in unit if packet.payload[0] & 31 == FU_A]
    assert {fragment & 0xC0 for fragment in fragments} == bits
    assert {fragment & 31 for fragment in fragments} == kinds


async def test_the_time_stamp_changes_within_a_picture() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("timestamp-within-unit", settings=FAST)) as talk:
        await talk.play()
        (unit,) = await talk.pictures(1)
    assert len({packet.timestamp for packet in unit}) == 2


async def test_the_marker_is_on_parameter_sets() -> None:
    async with CameraTalk.with_one(
        AsyncFakeCamera("marker-on-parameter-sets", settings=FAST)
    ) as talk:
        await talk.play()
        packets = await talk.packets(3)
    assert [(p.payload[0] & 31, p.marker) for p in packets] == [
        (SPS, True),
        (PPS, True),
        (FU_A, False),
    ]


async def test_a_picture_in_one_packet() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("joined-nal-units", settings=FAST)) as talk:
        await talk.play()
        (packet,) = await talk.packets(1)
    nals = packet.payload.split(b"\0\0\0\1")
    assert [nal[0] & 31 for nal in nals] == [SPS, PPS, IDR]
    assert packet.marker


async def test_parameter_sets_come_late() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("late-parameter-sets", settings=FAST)) as talk:
        await talk.play()
        units = await talk.pictures(26)
    packets = [packet for unit in units for packet in unit]
    first = packets[0].seq
    assert [p.seq for p in packets] == [(first + n) & 0xFFFF for n in range(len(packets))]
    kinds = [{packet.payload[0] & 31 for packet in unit} for unit in units]
    assert not any({SPS, PPS} & each for each in kinds[:25])
    assert {SPS, PPS} <= kinds[25]


async def test_empty_units_come_between_pictures() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("empty-units", settings=FAST)) as talk:
        await talk.play()
        units = await talk.pictures(6)
    packets = [packet for unit in units for packet in unit]
    first = packets[0].seq
    assert [p.seq for p in packets] == [(first + n) & 0xFFFF for n in range(len(packets))]
    assert [unit[0].payload[0] & 31 == AUD for unit in units] == [True, False] * 3


async def test_time_stamps_step_back() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("timestamp-step", settings=FAST)) as talk:
        await talk.play()
        units = await talk.pictures(22)
    step = (units[20][0].timestamp - units[19][0].timestamp) & 0xFFFFFFFF
    assert step == (3_600 - 3_600 * 90_000) & 0xFFFFFFFF


async def test_silence_over_udp_only() -> None:
    async with AsyncFakeCamera("silent-over-udp") as camera, CameraTalk.to(camera) as talk:
        await talk.play(UDP)
        flow = camera.sessions[0].flows[0]
        # TCP beside it gives the time that UDP had.
        async with CameraTalk.to(camera) as other:
            await other.play()
            await other.pictures(5)
        assert flow.packets_sent > 0
        with pytest.raises(BlockingIOError):
            talk.ports[0].recv(2_000)


async def test_a_share_of_packets_is_lost_or_rots_by_the_seed() -> None:
    for fault in (Drop(share=0.2), Bitrot(share=0.2)):
        seen = []
        for faults in ((), (fault,), (fault,)):
            async with CameraTalk.with_one(AsyncFakeCamera(*faults, settings=FAST)) as talk:
                await talk.play()
                seen.append([packet.data for packet in await talk.packets(100)])
        assert seen[0] != seen[1]
        assert seen[1] == seen[2]


async def test_packets_are_lost_by_number() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(Drop(every=10), settings=FAST)) as talk:
        first = await talk.play()
        packets = await talk.packets(30)
    told = int((first.header("RTP-Info") or "").partition("seq=")[2].partition(";")[0])
    gaps = [(packet.seq - told) & 0xFFFF for packet in packets]
    assert gaps == [n for n in range(40) if n % 10 != 9][:30]


async def test_packets_change_places() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(Reorder(every=10), settings=FAST)) as talk:
        await talk.play()
        packets = await talk.packets(22)
    gaps = [(packet.seq - packets[0].seq) & 0xFFFF for packet in packets]
    assert gaps == [*range(9), 10, 9, *range(11, 19), 20, 19, 21]


async def test_a_sequence_jump() -> None:
    jump = SequenceJump(units=2, by=1_000)
    async with CameraTalk.with_one(AsyncFakeCamera(jump, settings=FAST)) as talk:
        await talk.play()
        units = await talk.pictures(4)
    assert (units[2][0].seq - units[1][-1].seq) & 0xFFFF == 1_001


async def test_the_connection_is_cut_after_some_pictures() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(CutAfter(units=3), settings=FAST)) as talk:
        await talk.play()
        assert len(await talk.pictures(3)) == 3
        assert await talk.peer.closed() == b""
        assert not talk.camera.live_sessions


@pytest.mark.parametrize("track", [sample.aac(), sample.pcma(), sample.opus()])
async def test_sound_goes_round_without_a_seam(track: Track) -> None:
    settings = CameraSettings(tracks=(track,), pace=None)
    async with CameraTalk.with_one(AsyncFakeCamera(settings=settings)) as talk:
        await talk.play()
        packets = await talk.packets(len(track.units) + 2)
    steps = {
        (after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)
    }
    assert steps == {track.units[0].ticks}
    assert packets[len(track.units)].payload == packets[0].payload
