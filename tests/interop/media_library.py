"""The test films: small, every picture different from every other, made once per run by ffmpeg.

The picture is ffmpeg's moving test chart, the sound is noise from a fixed seed, so that neither
repeats and a checksum names one place in the film.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path

from clients.client import AudioProof, FrameChecksums, Media, PixelForm, Recipe
from clients.ffmpeg import checksum_options, read_framemd5, run_quietly
from clients.opencv import opencv_checksums

WIDTH, HEIGHT, FRAMES_PER_SECOND, KEY_FRAME_EVERY = 320, 176, 15, 15

X264 = (
    "-c:v libx264 -preset ultrafast -tune zerolatency -b:v 400k -pix_fmt yuv420p "
    f"-x264-params keyint={KEY_FRAME_EVERY}:min-keyint={KEY_FRAME_EVERY}:scenecut=0:bframes=0"
)
X265 = (
    "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=error:"
    f"keyint={KEY_FRAME_EVERY}:min-keyint={KEY_FRAME_EVERY}:scenecut=0:bframes=0"
)
VP8 = (
    "-c:v libvpx -deadline realtime -cpu-used 8 -lag-in-frames 0 -auto-alt-ref 0 -b:v 400k "
    f"-pix_fmt yuv420p -g {KEY_FRAME_EVERY} -keyint_min {KEY_FRAME_EVERY}"
)
# RFC 2435 carries no Huffman tables: a camera's JPEG has the standard ones.
MJPEG = "-c:v mjpeg -huffman default -force_duplicated_matrix 1 -q:v 6 -pix_fmt yuvj420p"
# Noise over the chart, so that small pictures make several Mb/s.
X264_NOISY = (
    "-vf noise=alls=60:allf=t -c:v libx264 -preset ultrafast -tune zerolatency -qp 12 "
    f"-pix_fmt yuv420p "
    f"-x264-params keyint={KEY_FRAME_EVERY}:min-keyint={KEY_FRAME_EVERY}:scenecut=0:bframes=0"
)
X264_LONG_GOP = X264.replace(f"keyint={KEY_FRAME_EVERY}", f"keyint={4 * FRAMES_PER_SECOND}")
AAC = "-c:a aac -b:a 64k -ar 48000 -ac 1"
OPUS = "-c:a libopus -b:a 48k -ar 48000 -ac 2"
PCMU = "-c:a pcm_mulaw -ar 8000 -ac 1"

# The depayloaders stand first: their pads choose the track, without a race between capsfilters.
H264_READ = "rtph264depay ! queue ! h264parse ! avdec_h264"
AAC_READ = "rtpmp4gdepay ! queue ! aacparse ! audio/mpeg,stream-format=adts"

H264_AAC = Recipe(
    suffix="mkv",
    video=X264,
    audio=AAC,
    audio_proof=AudioProof.PACKETS,
    gst_demux="matroskademux",
    gst_video_publish="h264parse",
    gst_audio_publish="aacparse",
    gst_video_read=H264_READ,
    gst_audio_read=AAC_READ,
    audio_file="adts",
    ffprobe_video="h264",
    ffprobe_audio="aac",
)
H264_NOISY = replace(H264_AAC, video=X264_NOISY)
H264_LONG_GOP = replace(H264_AAC, video=X264_LONG_GOP)
H265_AAC = Recipe(
    suffix="mkv",
    video=X265,
    audio=AAC,
    audio_proof=AudioProof.PACKETS,
    gst_demux="matroskademux",
    gst_video_publish="h265parse",
    gst_audio_publish="aacparse",
    gst_video_read="rtph265depay ! queue ! h265parse ! avdec_h265",
    gst_audio_read=AAC_READ,
    audio_file="adts",
    ffprobe_video="hevc",
    ffprobe_audio="aac",
)
VP8_OPUS = Recipe(
    suffix="mkv",
    video=VP8,
    audio=OPUS,
    audio_proof=AudioProof.PACKETS,
    gst_demux="matroskademux",
    gst_video_publish="video/x-vp8",
    gst_audio_publish="opusparse",
    gst_video_read="rtpvp8depay ! queue ! vp8dec",
    gst_audio_read="rtpopusdepay ! queue ! opusparse ! oggmux",
    audio_file="ogg",
    ffprobe_video="vp8",
    ffprobe_audio="opus",
)
MJPEG_PCMU = Recipe(
    suffix="mkv",
    video=MJPEG,
    audio=PCMU,
    audio_proof=AudioProof.BYTES,
    gst_demux="matroskademux",
    gst_video_publish="jpegparse",
    gst_audio_publish="audio/x-mulaw",
    gst_video_read="rtpjpegdepay ! queue ! avdec_mjpeg",
    gst_audio_read="rtppcmudepay ! queue",
    audio_file="mulaw",
    ffprobe_video="mjpeg",
    ffprobe_audio="pcm_mulaw",
)
MPEG_TS = Recipe(
    suffix="ts",
    video=X264,
    audio=AAC,
    audio_proof=AudioProof.PACKETS,
    gst_demux="tsparse set-timestamps=true",
    gst_video_publish="video/mpegts",
    gst_audio_publish="",
    # ffmpeg announces its transport stream as m=application, which rtpmp2tdepay would refuse.
    gst_video_read=(
        "capssetter caps=application/x-rtp,media=video ! rtpmp2tdepay ! queue ! "
        "tsdemux ! h264parse ! avdec_h264"
    ),
    gst_audio_read="",
    audio_file="adts",
    ffprobe_video="h264",
    ffprobe_audio="aac",
    # Whole transport stream packets in RTP, their pace taken from the stream's own clock.
    input_options=("-f", "mpegtsraw", "-compute_pcr", "1"),
)

RECIPES = {
    "H.264+AAC": (H264_AAC, 150),
    "H.264 with noise": (H264_NOISY, 60),
    "H.264 with a GOP of 4 s": (H264_LONG_GOP, 60),
    "H.265+AAC": (H265_AAC, 60),
    "VP8+Opus": (VP8_OPUS, 60),
    "MJPEG+G.711": (MJPEG_PCMU, 60),
    "MPEG-TS": (MPEG_TS, 60),
}


@dataclass(slots=True)
class SourceFilm:
    """A film on disk with the checksums of everything in it."""

    media: Media
    workdir: Path
    key_frames: frozenset[int]
    video: tuple[str, ...]
    audio_packets: tuple[str, ...] | None
    audio_bytes: bytes
    _opencv: tuple[str, ...] | None = field(default=None)

    def pictures(self, form: PixelForm) -> tuple[str, ...]:
        """Checksums of all pictures, made the way the reader made its own."""
        if form is PixelForm.I420:
            return self.video
        if self._opencv is None:
            self._opencv = opencv_checksums(str(self.media.path), None, self.workdir)
        return self._opencv


class MediaLibrary:
    """Makes films on demand and keeps them for the whole run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.film = functools.cache(self._make)

    def _make(self, name: str) -> SourceFilm:
        """Encode one film of the table `RECIPES` and take its checksums."""
        recipe, duration_s = RECIPES[name]
        workdir = self._folder / name.replace("+", "-")
        # It may be there: from a first try that failed.
        workdir.mkdir(exist_ok=True)
        path = workdir / f"film.{recipe.suffix}"
        chart = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_SECOND}:duration={duration_s}"
        noise = f"anoisesrc=duration={duration_s}:color=pink:sample_rate=48000:seed=7"
        run_quietly(
            "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "error",
            "-f", "lavfi", "-i", chart, "-f", "lavfi", "-i", noise, "-map", "0:v", "-map", "1:a",
            *recipe.video.split(), *(recipe.audio or "-an").split(), str(path),
        )  # fmt: skip
        key_frames = _key_frames(path)
        every = sorted(key_frames)[1]
        media = Media(name, path, recipe, WIDTH, HEIGHT, FRAMES_PER_SECOND, every, duration_s)
        sums = workdir / "film.md5"
        run_quietly(
            "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-i", str(path),
            *checksum_options(media, sums, frames=None),
        )  # fmt: skip
        video, audio = read_framemd5(sums)
        if len(set(video)) != len(video):
            raise ValueError(f"{name}: two pictures of the film look alike")
        sound = workdir / "film.sound"
        run_quietly(
            "ffmpeg", "-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-i", str(path),
            "-map", "0:a", "-c", "copy", "-f", "data", str(sound),
        )  # fmt: skip
        return SourceFilm(media, workdir, key_frames, video, audio or None, sound.read_bytes())


def _key_frames(path: Path) -> frozenset[int]:
    flags = run_quietly(
        "ffprobe", "-v", "error", "-select_streams", "v:0",
        "-show_entries", "packet=flags", "-of", "csv=print_section=0", str(path),
    ).splitlines()  # fmt: skip
    return frozenset(i for i, flag in enumerate(f for f in flags if f) if flag.startswith("K"))


def prove_same(seen: FrameChecksums, film: SourceFilm, frames: int) -> str:
    """Check what a reader decoded against the film; returns the finding in a few words.

    Raises AssertionError when a picture differs from the film's or is missing: after the first
    key frame, which may be preceded by a piece of a group that the reader joined in the middle.
    """
    source = film.pictures(seen.form)
    place = {checksum: index for index, checksum in enumerate(source)}
    first = next(
        (i for i, checksum in enumerate(seen.video) if place.get(checksum) in film.key_frames),
        None,
    )
    assert first is not None, f"no key frame of the film among {len(seen.video)} pictures"
    assert first <= film.media.key_frame_every, f"{first} pictures before the first key frame"
    whole = seen.video[first:]
    assert len(whole) >= frames - film.media.key_frame_every, f"only {len(whole)} pictures"
    start = place[whole[0]]
    _assert_consecutive("picture", whole, source[start : start + len(whole)])
    sound = _prove_sound(seen, film)
    return f"{len(whole)} pictures{sound}"


def _prove_sound(seen: FrameChecksums, film: SourceFilm) -> str:
    if seen.audio_bytes is not None:
        assert len(seen.audio_bytes) > 4000, f"only {len(seen.audio_bytes)} bytes of sound"
        assert seen.audio_bytes in film.audio_bytes, "the sound has a gap or differs"
        return f", {len(seen.audio_bytes)} bytes of sound"
    if seen.audio_packets is not None and film.audio_packets is not None:
        packets, source = seen.audio_packets, film.audio_packets
        assert len(packets) > 20, f"only {len(packets)} packets of sound"
        # A transport stream can be joined in the middle of a packet of sound.
        may_be_torn = seen.first_sound_torn or film.media.recipe is MPEG_TS
        if may_be_torn and packets[0] not in source:
            packets = packets[1:]
        assert packets[0] in source, "the first packet of sound is not the film's"
        start = source.index(packets[0])
        _assert_consecutive("sound packet", packets, source[start : start + len(packets)])
        return f", {len(packets)} sound packets"
    return ""


def _assert_consecutive(what: str, seen: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if seen == expected:
        return
    at = next(
        (i for i, (a, b) in enumerate(zip(seen, expected, strict=False)) if a != b),
        len(expected),
    )
    then = "is not in order" if seen[at] in expected[at:] else "differs"
    missing = expected[at:].index(seen[at]) if seen[at] in expected[at:] else 0
    raise AssertionError(
        f"{what} {at} of {len(seen)} {then}" + (f": {missing} missing before it" if missing else "")
    )
