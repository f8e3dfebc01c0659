"""The transforms of one server, by the path that each shows its pictures on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from headwater.libav.decoding.decodings import Decodings
from headwater.libav.decoding.wishes import wishes_of
from headwater.libav.encoding.encoder_table import kinds_for
from headwater.libav.encoding.frame_publisher import FramePublisher
from headwater.libav.encoding.mount_outlet import MountOutlet
from headwater.libav.encoding.wishes import PublishWishes, publish_wishes_of
from headwater.libav.transforms.function_runner import (
    Function,
    FunctionProcess,
    FunctionRunner,
    FunctionThread,
)
from headwater.libav.transforms.snapshot import TransformSnapshot
from headwater.libav.transforms.transform import Size, Transform
from headwater.relay.programs import Programs

_SEEN = ("size", "fps", "keyframes_only", "track", "device", "decode_in")
"""Wishes of the frames that the function is given; the others are of what it returns."""
_ANY_SIZE = (16, 16)
_USER_AGENT = "transform"


class Transforms:
    """Keeps the transforms that a program asked for, until the server stops."""

    def __init__(self, decodings: Decodings, programs: Programs) -> None:
        self._decodings = decodings
        self._programs = programs
        self._by_target: dict[str, Transform] = {}

    def ask(self, source: str, target: str, function: Function, wishes: Mapping[str, Any]) -> None:
        """Show what a function makes of frames of `source` on `target` from now on.

        Raises ValueError for paths or wishes without sense, RuntimeError where the target has one.
        """
        if source == target:
            raise ValueError(f"{source} cannot show what is made of itself: choose another path")
        if target in self._by_target:
            raise RuntimeError(f"{target} shows a transform already; stop that one first")
        shown = dict(wishes)
        in_process = shown.pop("process", False)
        seen = {name: shown.pop(name) for name in _SEEN if name in shown}
        pixel_format = shown.setdefault("format", "bgr24")
        frame_wishes = wishes_of(**seen, format=pixel_format, on_gap="stop", timeout_s=None)
        if seen.get("fps"):
            shown["fps"] = seen["fps"]
        wish_for = partial(_publish_wishes, shown)
        video = wish_for(_ANY_SIZE).video
        if video is not None:
            kinds_for(video.codec, video.encoder)
        runner: FunctionRunner
        if in_process:
            runner = FunctionProcess(function)
        else:
            runner = FunctionThread(function, f"transform to {target}")
        self._by_target[target] = Transform(
            source,
            target,
            frames=partial(self._decodings.pictures, source, frame_wishes),
            publisher=partial(self._publisher, target, wish_for),
            runner=runner,
        )

    async def ask_no_more(self, target: str) -> bool:
        """End the transform that is shown on a path; False where there is none."""
        found = self._by_target.pop(target, None)
        if found is None:
            return False
        await found.close()
        return True

    async def close(self) -> None:
        """End all."""
        for target in tuple(self._by_target):
            await self.ask_no_more(target)

    def snapshots(self) -> tuple[TransformSnapshot, ...]:
        """Return how each fares."""
        return tuple(each.snapshot() for each in self._by_target.values())

    def _publisher(
        self, target: str, wish_for: Callable[[Size], PublishWishes], size: Size
    ) -> FramePublisher:
        outlet = MountOutlet(self._programs, target, _USER_AGENT)
        return FramePublisher(outlet, wish_for(size))


def _publish_wishes(shown: Mapping[str, Any], size: Size) -> PublishWishes:
    return publish_wishes_of(size=size, **shown)
