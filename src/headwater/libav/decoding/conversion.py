"""Pictures to other sizes and pixel formats, by converters that are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict

from av import VideoFrame
from av.video.reformatter import VideoReformatter

MOST_KEPT = 8
"""Of one thread: to set one up costs as much as to convert a small picture."""

_Key = tuple[int, int, str, int, int, str]


class _Kept(threading.local):
    """The converters of one thread: libav's take one picture at a time."""

    def __init__(self) -> None:
        self.by_key: OrderedDict[_Key, VideoReformatter] = OrderedDict()


_kept = _Kept()


def converted(video: VideoFrame, width: int, height: int, pixel_format: str) -> VideoFrame:
    """Return a picture of another size or pixel format; from any thread.

    Raises ValueError for a format that libav does not know.
    """
    key = (video.width, video.height, video.format.name, width, height, pixel_format)
    by_key = _kept.by_key
    converter = by_key.pop(key, None) or VideoReformatter()
    made = converter.reformat(video, width, height, pixel_format)
    by_key[key] = converter
    if len(by_key) > MOST_KEPT:
        by_key.popitem(last=False)
    return made
