"""What encodes a program's frames: loaded only where one gives some."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headwater.app.media_extra import media_extra

if TYPE_CHECKING:
    from headwater.app.publisher_arguments import PublisherArguments
    from headwater.libav.encoding.frame_publisher import FramePublisher
    from headwater.libav.encoding.outlet import Outlet
    from headwater.relay.programs import Programs


def frame_publisher(
    make_outlet: Callable[[str], Outlet], wishes: PublisherArguments
) -> FramePublisher:
    """Return what encodes frames for an outlet, which is made for a user agent.

    Raises ImportError where a package is not installed, and ValueError for a wish without sense.
    """
    with media_extra():
        from headwater.libav.encoding.frame_publisher import FramePublisher
        from headwater.libav.encoding.wishes import publish_wishes_of
    chosen = publish_wishes_of(**wishes)
    return FramePublisher(make_outlet(chosen.user_agent), chosen)


def mount_outlet(programs: Programs, path: str, user_agent: str) -> Outlet:
    """Return a mount of this server that frames go to."""
    with media_extra():
        from headwater.libav.encoding.mount_outlet import MountOutlet
    return MountOutlet(programs, path, user_agent)
