"""A film stands in for a camera that is away."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from server_rig import ServerFactory
from waiting import holds

from headwater import PacketBatch
from headwater.sources import rehearsal
from headwater.testing.fake_camera import AsyncFakeCamera


@pytest.fixture
def slate(clip: Path, tmp_path: Path) -> Path:
    """The film without its sound."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg here")
    path = tmp_path / "slate.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(clip), "-an", "-c", "copy", str(path)], check=True
    )
    return path


async def test_a_film_stands_in_for_a_camera_until_it_is_back(
    start_server: ServerFactory, slate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "RUN_S", 0.5)
    film = f"file:{slate}"
    async with AsyncFakeCamera() as camera:
        front = {"source": camera.url, "fallback": [film], "transport": "tcp"}
        server = await start_server(paths={"front": front})
        await server.wait_for_mount("/front", 20)
        seqs: list[int] = []

        def take(_track: int, batch: PacketBatch) -> None:
            seqs.extend(packet[2] << 8 | packet[3] for packet in batch.packets)

        reader = server.read("/front", take)
        await holds(lambda: seqs)
        await camera.close()
        await holds(lambda: server.sources[0].live == film)
        count = len(seqs)
        await holds(lambda: len(seqs) > count + 10)
        await camera.start()
        await holds(lambda: server.sources[0].live == camera.url)
        count = len(seqs)
        await holds(lambda: len(seqs) > count + 10)
        assert reader.end_reason is None
        await server.stop()
    assert seqs == [(seqs[0] + number) & 0xFFFF for number in range(len(seqs))]
