"""The operation that shows a picture of a mount."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.looking import no_mount
from headwater.api.operation import Call, Operation
from headwater.api.query import Parameter
from headwater.api.view import ServerView
from headwater.http.pictures import JPEG, PictureWishes, Still, picture_of
from headwater.http.refusal import HttpRefusal
from headwater.http.request import hook_request_of
from headwater.relay.errors import SourceDown, SourceTooSlow
from headwater.side import Side

_MOST_PIXELS = 4096


class Frames(StrEnum):
    """Which frames are decoded for a picture."""

    ALL = "all"
    KEY = "key"


class Pictures:
    """Answers with JPEG files; who asks for the same picture shares one decoder and one file."""

    def __init__(self, view: ServerView, still: Still) -> None:
        self._view = view
        self._still = still

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        side = partial(Parameter, kind=int, least=16, most=_MOST_PIXELS)
        return (
            Operation(
                id="getSnapshot",
                method="GET",
                address="/v1/mounts/{path}/snapshot.jpg",
                # Who sees a picture sees what is played.
                action=Action.PLAY,
                summary="A picture of a mount, as a JPEG file. It needs the extra `media`.",
                run=self._snapshot,
                parameters=(
                    side(name="width", doc="Width in pixels."),
                    side(name="height", doc="Height in pixels."),
                    Parameter(
                        name="quality", doc="Of the JPEG.", kind=int, default=80, least=1, most=100
                    ),
                    Parameter(
                        name="max_age_s",
                        doc="How long ago the picture may have come, in seconds.",
                        kind=float,
                        default=5.0,
                        least=0.1,
                        most=60.0,
                    ),
                    Parameter(
                        name="frames",
                        doc="`key`: only key frames are decoded, which costs little.",
                        kind=Frames,
                        default=Frames.ALL,
                    ),
                ),
                answer=JPEG,
                refusals=(404, 406, 501, 504),
            ),
        )

    async def _snapshot(self, call: Call) -> Response:
        path, query = call.path, call.query
        try:
            found = await self._view.bring(path, hook_request_of(call.request, Side.PLAY, path))
        except (SourceDown, SourceTooSlow):
            raise HttpRefusal(504, f"{path} has no picture now", code="no_picture") from None
        if not found:
            raise no_mount(path)
        wishes = PictureWishes(
            width=query["width"],
            height=query["height"],
            quality=query["quality"],
            max_age_s=query["max_age_s"],
            key_frames_only=query["frames"] is Frames.KEY,
        )
        return await picture_of(self._still, path, wishes)
