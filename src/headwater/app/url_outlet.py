"""Another server that frames go to: it records them, and again whenever that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from headwater.client.back_off import BackOff
from headwater.client.errors import ClientError
from headwater.client.recording import Recording
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.log_pace import paced_logger
from headwater.protocol.sdp import SessionDescription

logger = paced_logger(__name__)

_FIRST_WAIT_S, _MOST_WAIT_S = 0.5, 10.0


class UrlOutlet:
    """Has the server of a URL record.

    Attributes:
        name: the URL without user name and password.
        end_reason: why it is not tried any more; None while it is.
    """

    def __init__(self, url: str, settings: ClientSettings, user_agent: str) -> None:
        """Make it. Raises ValueError for a URL that cannot be published to."""
        self._settings = settings
        self._target = Target.of(url, settings)
        self._user_agent = user_agent
        self._recording: Recording | None = None
        self._keeps: asyncio.Task[None] | None = None
        self.name = self._target.label
        self.end_reason: str | None = None

    async def open(
        self, presentation: SessionDescription, on_key_frame_wanted: Callable[[int], None]
    ) -> None:
        """Have it recorded. Raises ClientError where it is not the first time."""
        around = Surroundings.alone()

        async def begin() -> Recording:
            target, settings = self._target, self._settings
            recording = Recording(target, settings, around, presentation, on_key_frame_wanted)
            return await recording.start()

        self._recording = await begin()
        loop = asyncio.get_running_loop()
        self._keeps = loop.create_task(
            self._keep(begin, lambda: on_key_frame_wanted(0)), name=f"frames to {self.name}"
        )

    def send(self, track: int, packets: list[bytes], *, is_rtcp: bool) -> None:
        """Send packets; while nothing is recorded they are dropped."""
        recording = self._recording
        if recording is None or recording.ended.done():
            return
        if is_rtcp:
            recording.publish_rtcp(track, packets)
        else:
            recording.publish(track, packets)

    async def close(self) -> None:
        """End the recording in order."""
        keeps, self._keeps = self._keeps, None
        if keeps is not None:
            keeps.cancel()
            await asyncio.wait([keeps])
        recording, self._recording = self._recording, None
        if recording is not None:
            await recording.close()

    async def _keep(
        self,
        begin: Callable[[], Coroutine[Any, Any, Recording]],
        want_key_frame: Callable[[], None],
    ) -> None:
        """Have it recorded anew whenever that ends, until it makes no sense any more."""
        back_off = BackOff(first_s=_FIRST_WAIT_S, most_s=_MOST_WAIT_S)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while True:
            recording = self._recording
            ran_s = 0.0
            if recording is not None:
                # Shielded: who closes must not end the future that others look at.
                problem = await asyncio.shield(recording.ended)
                self._recording = None
                await recording.close()
                ran_s = loop.time() - began_s
            if not problem.may_pass:
                self.end_reason = str(problem)
                return
            wait_s = back_off.next_s(ran_s)
            extra = {"mount": self.name, "wait_s": round(wait_s, 1), "cause": problem}
            logger.warning("frames: nobody records them, next try follows", extra=extra)
            await asyncio.sleep(wait_s)
            try:
                self._recording = await begin()
            except ClientError as error:
                problem = error
                continue
            began_s = loop.time()
            want_key_frame()
