"""The lines that a person sees of the sending."""

import io

from headwater.cli.publish.display import Display, progress_line
from headwater.libav.remux.reports import Progress

SENT = Progress(
    media_s=65.2,
    packets=123,
    size_bytes=1_000_000,
    length_s=3700,
    tracks=("h264 160x120", "aac 48000 Hz"),
)


def test_progress_tells_time_amount_and_tracks() -> None:
    assert progress_line(SENT, 8.0) == (
        "0:01:05 of 1:01:40  123 packets  1.00 Mb/s  h264 160x120 + aac 48000 Hz"
    )


def test_progress_counts_rounds() -> None:
    progress = Progress(media_s=5.0, length_s=2.0, rounds=2)
    assert progress_line(progress, 1.0).startswith("0:00:05, round 3  ")


def test_a_pipe_gets_one_line_at_the_end_and_trouble_when_it_comes() -> None:
    stream = io.StringIO()
    display = Display(stream, quiet=False)
    display.show(SENT)
    display.say("rtsp://camera/ ended the stream; trying again")
    display.end("stopped")
    trouble, progress, word = stream.getvalue().splitlines()
    assert trouble == "headwater: rtsp://camera/ ended the stream; trying again"
    assert progress.startswith("0:01:05 of 1:01:40  123 packets  ")
    assert word == "stopped"


def test_what_a_camera_or_a_server_says_is_harmless() -> None:
    stream = io.StringIO()
    display = Display(stream, quiet=False)
    display.show(Progress(media_s=1.0, packets=1, tracks=("h264\x1b[2J",)))
    display.say("rtsp://camera/ said \x1b]0;title\x07\u202e")
    display.end("stopped")
    assert all(line.isprintable() for line in stream.getvalue().split("\n"))


def test_quiet_tells_trouble_alone() -> None:
    stream = io.StringIO()
    display = Display(stream, quiet=True)
    display.show(SENT)
    display.say("trouble")
    display.end("sent")
    assert stream.getvalue() == "headwater: trouble\n"
