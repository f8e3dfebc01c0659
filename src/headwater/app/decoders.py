"""What decodes mounts for programs: loaded and made only where one asks for frames."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from headwater.relay.relay import Relay

if TYPE_CHECKING:
    from headwater.feeds.mount_feeds import MountFeeds
    from headwater.frames.decoding.decodings import Decodings


def make_decodings(relay: Relay, feeds: MountFeeds) -> Decodings:
    """Return the decoders of a server. Raises ImportError where a package is not installed."""
    try:
        from headwater.frames.decoding.decodings import Decodings
        from headwater.frames.decoding.mount_source import MountSource
    except ImportError as error:
        raise ImportError(
            f"frames need the package {error.name}: in the folder of Headwater's source, "
            "pip install '.[media]'",
            name=error.name,
        ) from error
    return Decodings(partial(MountSource, relay, feeds))
