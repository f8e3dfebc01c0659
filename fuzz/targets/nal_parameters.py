"""Parameter sets of H.264 and H.265."""

from __future__ import annotations

from fuzz.target import Target
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h265.depacketizer import H265Depacketizer

TAKERS = (H264Depacketizer, H265Depacketizer)


def run(data: bytes) -> None:
    if not data:
        return
    taker = TAKERS[data[0] % 2].of_format({})
    units = data[1:].split(b"\0\0\1")
    taker.add_parameter_sets(units)
    for unit in taker.parameter_sets:
        assert any(whole.startswith(unit) for whole in units)
    config = taker.config
    if config is not None:
        assert 0 < config.width <= 0xFFFF
        assert 0 < config.height <= 0xFFFF
        assert config.frame_rate_hz is None or config.frame_rate_hz > 0
        assert config.reorder_frames is None or 0 <= config.reorder_frames <= 16
    again = type(taker).of_format({})
    again.add_parameter_sets(taker.parameter_sets)
    assert again.parameter_sets == taker.parameter_sets
    assert again.config == config


TARGET = Target(
    invariant="any parameter sets are left out or kept without what stands behind them, and read "
    "the same a second time",
    run=run,
    words=(b"\0\0\1\x67", b"\0\0\1\x68", b"\0\0\1\x40\x01", b"\0\0\1\x42\x01", b"\0\0\1\x44\x01"),
    max_bytes=300,
)
