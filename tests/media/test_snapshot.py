import json
from dataclasses import asdict
from typing import Any


def test_a_mount_at_rest(stage: Any) -> None:
    mount = stage.mount()
    snapshot = mount.snapshot()
    assert (snapshot.path, snapshot.state, snapshot.opened_s) == ("/cam", "live", 1000.0)
    assert snapshot.publisher is not None
    assert (snapshot.publisher.id, snapshot.publisher.transport) == ("p", "tcp")
    assert [track.encoding for track in snapshot.tracks] == ["H264", "OPUS"]
    assert snapshot.readers == ()
    assert (snapshot.cached_bytes, snapshot.cached_s) == (0, 0.0)


def test_a_mount_at_work_as_plain_values(stage: Any) -> None:
    mount = stage.mount()
    video = stage.video()
    mount.tracks[0].write(video.picture(3, key=True, size=100))
    stage.advance(0.5)
    mount.tracks[0].write(video.picture(3, size=100))
    reader = stage.FakeReader()
    reader.queue = 77
    stage.play(mount, reader)
    values = json.loads(json.dumps(asdict(mount.snapshot())))
    assert values["age_s"] == 0.5
    assert values["last_packet_s"] == 1000.5
    assert (values["cached_bytes"], values["cached_s"], values["cache_overflows"]) == (600, 0.5, 0)
    assert (values["readers_total"], values["publishers_total"]) == (1, 1)
    track = values["tracks"][0]
    assert (track["packets"], track["bytes"], track["batches"]) == (6, 600, 2)
    assert (track["key_frames"], track["outlets"], track["kind"]) == (1, 1, "video")
    (seen,) = values["readers"]
    assert (seen["id"], seen["state"], seen["tracks"]) == ("r", "live", [0, 1])
    assert seen["queued_bytes"] == 77


def test_a_mount_without_publisher_or_cache(stage: Any) -> None:
    mount = stage.mount("m=audio 0 RTP/AVP 0\n")
    stage.play(mount, stage.FakeReader(), 0)
    mount.publisher_left(mount.publisher, "lost")
    snapshot = mount.snapshot()
    assert (snapshot.state, snapshot.publisher) == ("grace", None)
    assert (snapshot.cached_bytes, snapshot.cached_s, snapshot.cache_overflows) == (0, 0.0, 0)
