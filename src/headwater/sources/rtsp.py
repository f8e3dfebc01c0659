"""`rtsp://` and `rtsps://`: another RTSP server, mostly a camera, that plays into the mount."""

from __future__ import annotations

from headwater.client.errors import ClientError, CredentialsError
from headwater.client.play_session import PlayRequest
from headwater.client.pull import Pull
from headwater.client.settings import USER_AGENT, ClientSettings
from headwater.client.target import Target
from headwater.protocol.header.via import mount_name
from headwater.shown_text import shown
from headwater.sources.settings import SourceSettings
from headwater.sources.source import Filling, Retry, Source, SourceError, SourcePlace

_NEVER_S = 1e9


class RtspSource(Source):
    """A server that is asked to play."""

    def __init__(self, url: str, settings: SourceSettings, place: SourcePlace) -> None:
        """Raises ValueError for what is no RTSP URL; its words hold no password."""
        client_settings = ClientSettings(
            transport=settings.transport,
            user_agent=settings.user_agent or USER_AGENT,
            fingerprint=settings.fingerprint,
            ca_file=settings.ca_file,
            any_port=settings.any_port,
            silence_timeout_s=place.silence_s or _NEVER_S,
        )
        target = Target.of(url, client_settings, place.name)
        self._pull = Pull(target, client_settings, place.client, place.memory)
        self._server = place.client.name
        self._request = PlayRequest(range_text=settings.range)

    async def run(self, filling: Filling) -> None:
        """Have it play until it ends."""
        try:
            await self._pull.describe()
            self._require_no_circle(filling.path)
            session = await self._pull.start(filling, self._request)
        except ClientError as error:
            raise _source_error(error) from error
        finally:
            self._pull.close()
        reason = "not wanted any more"
        try:
            end = await session.ended
            reason = end.message
        finally:
            await session.close(reason)
        raise _source_error(end) from end

    def _require_no_circle(self, path: str) -> None:
        """Refuse what this very mount sends out: its packets would go round for ever."""
        self.via = self._pull.via
        if mount_name(self._server, path) in self.via:
            raise SourceError(
                "it plays what it gets from this path, maybe by other servers: that would be a "
                "circle"
            )


def _source_error(error: ClientError) -> SourceError:
    retry = Retry.SLOWLY if isinstance(error, CredentialsError) else Retry.SOON
    step = f"{error.step}: " if error.step else ""
    return SourceError(shown(f"{step}{error.message}"), retry)
