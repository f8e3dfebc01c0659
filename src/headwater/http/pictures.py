"""A picture of a mount as an answer of the web, whichever address it was asked at."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from headwater.http.refusal import HttpRefusal

JPEG: Final = "image/jpeg"


@dataclass(frozen=True, slots=True)
class PictureWishes:
    """Which picture is wanted.

    Attributes:
        width, height: in pixels; None: as it comes, or by the other one.
        quality: of the JPEG, 1 to 100.
        max_age_s: how long ago it may have come.
        key_frames_only: whether it must be a key frame; nothing else is decoded for it then.
    """

    width: int | None = None
    height: int | None = None
    quality: int = 85
    max_age_s: float = 1.0
    key_frames_only: bool = False


Still = Callable[[str, PictureWishes], Coroutine[Any, Any, bytes]]
"""Returns a picture of the mount at a path as a JPEG file; who asks for the same one shares it.

Raises ImportError where decoding is not installed, TimeoutError, LookupError for a mount without
pictures that can be decoded, and RuntimeError where the server stops."""


async def picture_of(still: Still, path: str, wishes: PictureWishes) -> Response:
    """Return the answer; raise HttpRefusal where there is no picture."""
    try:
        picture = await still(path, wishes)
    except ImportError as error:
        raise HttpRefusal(501, str(error), code="not_installed") from None
    except TimeoutError as error:
        detail = str(error) or f"{path} has no picture now"
        raise HttpRefusal(504, detail, code="no_picture") from None
    except LookupError as error:
        raise HttpRefusal(406, str(error), code="not_decodable") from None
    except RuntimeError as error:
        raise HttpRefusal(503, str(error), code="stopping") from None
    return Response(picture, media_type=JPEG)
