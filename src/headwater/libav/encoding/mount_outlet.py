"""A mount of this server, filled by frames of the program."""

from __future__ import annotations

from collections.abc import Callable

from headwater.protocol.sdp import SessionDescription
from headwater.relay.packet_publisher import PacketPublisher
from headwater.relay.programs import Programs


class MountOutlet:
    """Publishes on one path."""

    def __init__(self, programs: Programs, path: str, user_agent: str) -> None:
        self.name = path
        self._programs = programs
        self._user_agent = user_agent
        self._publisher: PacketPublisher | None = None

    @property
    def end_reason(self) -> str | None:
        """Why the mount takes nothing more."""
        return None if self._publisher is None else self._publisher.end_reason

    async def open(
        self, presentation: SessionDescription, on_key_frame_wanted: Callable[[int], None]
    ) -> None:
        """Take the path. Raises RuntimeError where somebody else has it."""
        self._publisher = self._programs.publish(
            self.name,
            presentation,
            on_key_frame_wanted=on_key_frame_wanted,
            user_agent=self._user_agent,
        )

    def send(self, track: int, packets: list[bytes], *, is_rtcp: bool) -> None:
        """Give packets to all readers."""
        publisher = self._publisher
        if publisher is None or publisher.end_reason is not None:
            return
        if is_rtcp:
            publisher.publish_rtcp(track, packets)
        else:
            publisher.publish(track, packets)

    async def close(self) -> None:
        """Leave the mount; its readers wait for its grace."""
        if self._publisher is not None:
            self._publisher.close()
