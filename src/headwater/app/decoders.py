"""What decodes mounts for programs: loaded and made only where one asks for frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from headwater.app.media_extra import media_extra
from headwater.codecs.access_unit import AccessUnit
from headwater.relay.relay import Relay

_STILL_S = 8.0

if TYPE_CHECKING:
    from headwater.feeds.mount_feeds import MountFeeds
    from headwater.http.pictures import PictureWishes
    from headwater.libav.decoding.decodings import Decodings
    from headwater.libav.encoding.opus_transcoder import OpusTranscoder


def make_decodings(relay: Relay, feeds: MountFeeds) -> Decodings:
    """Return the decoders of a server. Raises ImportError where a package is not installed."""
    with media_extra():
        from headwater.libav.decoding.decodings import Decodings
        from headwater.libav.decoding.mount_source import MountSource
    return Decodings(partial(MountSource, relay, feeds))


def can_decode() -> bool:
    """Return whether the packages that decode are installed, without loading them."""
    return all(find_spec(name) is not None for name in ("av", "numpy"))


def make_opus(
    loop: asyncio.AbstractEventLoop, on_unit: Callable[[AccessUnit], None]
) -> OpusTranscoder:
    """Return what makes Opus of AAC on a thread. Raises ImportError without the packages."""
    with media_extra():
        from headwater.libav.encoding.opus_transcoder import OpusTranscoder
    return OpusTranscoder(on_unit, loop.call_soon_threadsafe)


async def still_of(decodings: Decodings, path: str, wanted: PictureWishes, decode_in: str) -> bytes:
    """Return a picture of a mount as a JPEG file, decoded on a thread or in a process.

    Raises TimeoutError where none comes in time, LookupError where the mount has none that can be
    decoded, RuntimeError where the server stops.
    """
    # Loaded with the decoders, and only then.
    from headwater.libav.decoding.errors import FramesError, NotDecodable
    from headwater.libav.decoding.wishes import wishes_of

    width, height = wanted.width, wanted.height
    wishes = wishes_of(
        timeout_s=_STILL_S,
        size=None if width is None and height is None else (width, height),
        keyframes_only=wanted.key_frames_only,
        decode_in=decode_in,
    )
    try:
        return await decodings.still(
            path, wishes, codec="jpeg", quality=wanted.quality, max_age_s=wanted.max_age_s
        )
    except TimeoutError:
        raise
    except NotDecodable as error:
        raise LookupError(str(error)) from error
    except FramesError as error:
        raise RuntimeError(str(error)) from error
