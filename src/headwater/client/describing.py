"""What a server has at a URL: DESCRIBE, and the URIs of what it describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.client.connection import ClientConnection
from headwater.client.errors import UnusableAnswerError
from headwater.client.opening import follow
from headwater.client.quirks import base_of_answer, base_uri, track_uri, tracks_to_play
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.via import via_names, via_value
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.protocol.sdp import SessionDescription
from headwater.shown_text import shown

_MOST_PASSED: Final = 16
"""Servers in a row; more are no way that somebody has planned."""


@dataclass(frozen=True, slots=True)
class Described:
    """A description, and the connection on which it came and on which its tracks are set up.

    A second DESCRIBE on one connection fails with cheap cameras, and others set up only what was
    described on the same one, so each connection has exactly one (retina, gortsplib).

    Attributes:
        target: where it was found, after redirects.
        presentation: what the server described, all of it.
        control: the URI of the presentation as a whole.
        track_uris: the URI of each track.
        via: the servers, or their mounts, that the media has come through, where it was said.
    """

    target: Target
    connection: ClientConnection
    presentation: SessionDescription
    control: str
    track_uris: tuple[str, ...]
    via: tuple[str, ...] = ()

    def chosen(self, tracks: tuple[int, ...] | None) -> tuple[int, ...]:
        """Return the tracks to set up: those that were chosen, else all that the server sends.

        Raises ValueError for one that is not there.
        """
        if tracks is None:
            return tracks_to_play(self.presentation.media)
        last = len(self.track_uris) - 1
        for index in tracks:
            if not 0 <= index <= last:
                raise ValueError(f"there is no track {index}; the last is {last}")
        return tracks

    def presentation_of(self, tracks: tuple[int, ...]) -> SessionDescription:
        """Return the description with these tracks alone."""
        presentation = self.presentation
        return replace(presentation, media=tuple(presentation.media[index] for index in tracks))


async def describe(
    target: Target,
    settings: ClientSettings,
    around: Surroundings,
    headers: Sequence[tuple[str, str]] = (),
) -> Described:
    """Ask a server what it has at a URL, wherever it sends the client. Raises ClientError."""

    async def ask(place: Target, connection: ClientConnection) -> Response:
        return await connection.ask(
            Method.DESCRIBE,
            place.url,
            [("Accept", "application/sdp"), *_via(connection, around), *headers],
            within_s=settings.answer_timeout_s,
        )

    place, connection, response = await follow(target, settings, around, Method.DESCRIBE, ask)
    try:
        presentation = SessionDescription.parse(response.body, limits=around.description_limits)
    except ProtocolError as error:
        connection.abort()
        message = f"its description cannot be used: {shown(str(error))}"
        raise UnusableAnswerError(message, url=place.label, step=Method.DESCRIBE) from error
    base = base_uri(place.uri, base_of_answer(response.headers), presentation.control)
    return Described(
        place,
        connection,
        presentation,
        track_uri(base, presentation.control),
        tuple(track_uri(base, media.control) for media in presentation.media),
        via_names(response.headers.get_all("Via"))[:_MOST_PASSED],
    )


def _via(connection: ClientConnection, around: Surroundings) -> list[tuple[str, str]]:
    """Return the header that has another Headwater tell where its media has been.

    Cameras do not get it: nobody has seen what each of them makes of it.
    """
    is_known = connection.dialogue.server.startswith("Headwater")
    return [("Via", via_value([around.name]))] if around.name and is_known else []
