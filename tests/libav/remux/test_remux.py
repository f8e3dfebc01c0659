"""Remuxing towards an RTSP server: what is sent, in which order, and how failures read."""

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.libav.remux.timeline import Timeline

av = pytest.importorskip("av")


from headwater.libav.remux import remux as module  # noqa: E402
from headwater.libav.remux.failures import SendingFailed  # noqa: E402
from headwater.libav.remux.remux import Remux  # noqa: E402


class Recorder:
    """An output that keeps what it is given, in place of a server."""

    def __init__(self, streams: Any) -> None:
        self._container = streams
        self.packets: list[tuple[int, float, int]] = []
        self.closed = False

    def add_stream_from_template(self, template: Any) -> Any:
        return self._container.add_stream_from_template(template)

    def start_encoding(self) -> None:
        self.names = [stream.codec_context.name for stream in self._container.streams]
        self.extradata = [stream.codec_context.extradata for stream in self._container.streams]

    def mux(self, packet: Any) -> None:
        at = float(packet.dts * packet.time_base)
        self.packets.append((packet.stream.index, at, packet.size))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    container = av.open(str(tmp_path / "sink.mkv"), "w")
    output = Recorder(container)
    monkeypatch.setattr(module, "open_rtsp_output", lambda url, transport: output)
    return output


def as_transport_stream(clip: Path, folder: Path) -> Path:
    path = folder / "clip.ts"
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        tracks = {
            stream.index: target.add_stream_from_template(stream) for stream in source.streams
        }
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream_index]
                target.mux(packet)
    return path


def test_every_packet_is_sent_in_order(clip: Path, recorder: Recorder) -> None:
    remux = Remux(str(clip), "rtsp://x/y", transport="tcp", loop=False)
    remux.run()
    for track in (0, 1):
        times = [at for index, at, _ in recorder.packets if index == track]
        assert times == sorted(times)
    with av.open(str(clip)) as source:
        sizes = [packet.size for packet in source.demux() if packet.size]
    assert sorted(size for _, _, size in recorder.packets) == sorted(sizes)
    assert recorder.closed


def test_progress_counts_what_was_sent(clip: Path, recorder: Recorder) -> None:
    remux = Remux(str(clip), "rtsp://x/y", transport="tcp", loop=False)
    remux.run()
    progress = remux.progress
    assert progress.packets == len(recorder.packets)
    assert progress.size_bytes == sum(size for _, _, size in recorder.packets)
    assert progress.rounds == 1
    assert progress.tracks == ("h264 160x120", "aac 48000 Hz")
    assert progress.length_s == pytest.approx(2.0, abs=0.1)


def test_a_second_round_goes_on_where_the_first_ended(clip: Path, recorder: Recorder) -> None:
    remux = Remux(str(clip), "rtsp://x/y", transport="tcp", loop=True)
    send = recorder.mux

    def send_until_the_second_round(packet: Any) -> None:
        send(packet)
        if remux.progress.rounds == 1 and remux.progress.media_s > 2.5:
            raise KeyboardInterrupt

    recorder.mux = send_until_the_second_round  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        remux.run()
    times = [at for index, at, _ in recorder.packets if index == 0]
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(steps) < 0.2
    assert min(steps) > 0
    assert recorder.closed


def test_sound_of_a_transport_stream_gets_its_configuration(
    clip: Path, tmp_path: Path, recorder: Recorder
) -> None:
    path = as_transport_stream(clip, tmp_path)
    Remux(str(path), "rtsp://x/y", transport="tcp", loop=False).run()
    with av.open(str(clip)) as source:
        # The first two bytes say object type, rate and channels; encoders add more behind them.
        configuration = source.streams.audio[0].codec_context.extradata[:2]
        sound = sorted(packet.size for packet in source.demux(audio=0) if packet.size)
    assert recorder.extradata[recorder.names.index("aac")] == configuration
    track = recorder.names.index("aac")
    assert sorted(size for index, _, size in recorder.packets if index == track) == sound


@pytest.mark.parametrize(
    ("rate_hz", "channels", "configuration"),
    [(48_000, 1, "1188"), (44_100, 2, "1210"), (8_000, 1, "1588")],
)
def test_the_configuration_of_aac(rate_hz: int, channels: int, configuration: str) -> None:
    codec = SimpleNamespace(sample_rate=rate_hz, channels=channels)
    assert module._aac_configuration(codec).hex() == configuration


def test_a_source_without_tracks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    with pytest.raises(SendingFailed, match="neither picture nor sound"):
        Remux(str(path), "rtsp://x/y", transport="tcp", loop=False).run()


def test_a_packet_without_a_decoding_time_goes_behind_the_one_before(clip: Path) -> None:
    with av.open(str(clip)) as source, av.open("/dev/null", "w", format="rtp_mpegts") as sink:
        track = source.streams.video[0]
        output = module._OutputTrack(sink, track)
        timeline = Timeline(live=True)
        sent = []
        for number, packet in enumerate(source.demux(track)):
            if packet.size:
                packet.dts = None if number % 3 else packet.dts
                output.place(packet, timeline, number * 0.04)
                sent.append((packet.dts, packet.pts))
    assert len(sent) == 50
    assert all(later[0] > earlier[0] for earlier, later in itertools.pairwise(sent))
