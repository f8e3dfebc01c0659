"""Decoded sound, shared by everybody who takes it, and what a program gets of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av import AudioFrame as LibavSound
from av import AudioResampler
from numpy.typing import NDArray

from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decoded_frame import DecodedFrame, Missed
from headwater.libav.decoding.place import Place


@dataclass(frozen=True, slots=True)
class Sound:
    """Some milliseconds of sound as the decoder gave them.

    Attributes:
        audio: libav's frame.
        unit: what it was decoded from.
        place: among the sound of its source.
    """

    audio: LibavSound
    unit: CodedUnit
    place: Place


class AudioFrame(DecodedFrame):
    """Some milliseconds of decoded sound. Made by `RtspServer.audio_frames`."""

    __slots__ = ("_sound",)

    def __init__(self, sound: Sound, missed: Missed) -> None:
        super().__init__(sound.unit, sound.place, missed)
        self._sound = sound

    def __repr__(self) -> str:
        """Which frame, how much it holds, and its time."""
        return f"<AudioFrame {self.index} of {self.samples} samples at {self.pts_s:.3f} s>"

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second of each channel."""
        return self._sound.audio.sample_rate

    @property
    def channels(self) -> int:
        """How many channels."""
        return self._sound.audio.layout.nb_channels

    @property
    def samples(self) -> int:
        """How many samples each channel has."""
        return self._sound.audio.samples

    @property
    def audio(self) -> LibavSound:
        """The frame as PyAV has it."""
        return self._sound.audio

    def array(self) -> NDArray[np.float32]:
        """Return the samples from -1 to 1, as an array of `(samples, channels)`."""
        audio = self._sound.audio
        resampler = AudioResampler("flt", audio.layout, audio.sample_rate)
        parts = [*resampler.resample(audio), *resampler.resample(None)]
        samples = np.concatenate([part.to_ndarray().reshape(-1, self.channels) for part in parts])
        return samples.astype(np.float32, copy=False)
