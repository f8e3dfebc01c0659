"""A film stands in for a camera that is gone: a process is started, and its readers go on."""

from __future__ import annotations

import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from ffmpeg_player import command
from own_ports import own_port
from server_rig import ServerFactory
from waiting import holds

from headwater import PacketBatch, RtspServer
from headwater.sources import rehearsal
from headwater.testing import fake_camera

SAMPLE = Path(fake_camera.__file__).parent / "samples/h264-320x240-25.h264"


@pytest.fixture
def slate(tmp_path: Path) -> Path:
    """A film with a picture alone, as the fake camera has it."""
    film = tmp_path / "slate.mp4"
    subprocess.run(
        [
            *(command("ffmpeg"), "-loglevel", "error", "-framerate", "25", "-i", str(SAMPLE)),
            *("-c", "copy", str(film)),
        ],
        check=True,
    )
    return film


def live_of(server: RtspServer) -> str:
    """The URL of the source whose packets readers get; "" for none."""
    (source,) = server.status().sources
    return source.live


async def test_a_film_stands_in_until_the_source_is_back(
    start_server: ServerFactory, slate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "RUN_S", 0.5)
    film = f"file:{slate}"
    far_paths = {"film": {"source": film}}
    far = await start_server(paths=far_paths)
    url, port = far.play_url("/film"), far.publish_port
    await far.wait_for_mount("/film", 20)
    paths = {"front": {"source": url, "fallback": [film], "transport": "tcp"}}
    server = await start_server(paths=paths, rtp_port_start=own_port(500))
    await server.wait_for_mount("/front", 20)
    packets: list[bytes] = []

    def take(_track: int, batch: PacketBatch) -> None:
        packets.extend(batch.packets)

    async def goes_on() -> None:
        before = len(packets)
        await holds(lambda: len(packets) > before + 20)

    reader = server.read("/front", take)
    await goes_on()
    await far.stop()
    await holds(lambda: live_of(server) == film)
    await goes_on()
    await start_server(paths=far_paths, publish_port=port)
    await holds(lambda: live_of(server) == url)
    await goes_on()
    assert reader.end_reason is None
    reader.close()
    numbers = [struct.unpack_from(">H", packet, 2)[0] for packet in packets]
    assert all(later == (earlier + 1) & 0xFFFF for earlier, later in pairwise(numbers))
    assert len({packet[8:12] for packet in packets}) == 1
