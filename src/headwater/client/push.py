"""Having a server record a mount, by whichever transport it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.client.errors import TransportError
from headwater.client.push_session import PushSession
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.media.mount import Mount
from headwater.transports.session_reader import SessionReader
from headwater.transports.settings import TransportKind


async def push(
    target: Target,
    settings: ClientSettings,
    around: Surroundings,
    mount: Mount,
    *,
    on_reader: Callable[[SessionReader], None] = lambda _: None,
    announce_headers: Sequence[tuple[str, str]] = (),
) -> PushSession:
    """Send a mount to a server that records it; return once it does.

    `auto` is TCP, and UDP where the server refuses TCP: nobody tells a sender that its datagrams
    arrive nowhere. `on_reader` is told of the mount's reader before the mount is; where another
    transport is tried, of another one.

    Raises ClientError, and has given everything back then.
    """
    chosen = settings.transport.kind
    kinds = (TransportKind.TCP, TransportKind.UDP) if chosen is None else (chosen,)
    if target.is_secure and chosen is None:
        kinds = (TransportKind.TCP,)
    for kind in kinds:
        session = PushSession(
            target,
            kind,
            settings,
            around,
            mount,
            on_reader=on_reader,
            announce_headers=announce_headers,
        )
        try:
            await session.start()
        except TransportError as error:
            await session.close(error.message)
            if kind is kinds[-1]:
                raise
        except BaseException:
            await session.close("not begun")
            raise
        else:
            return session
    raise AssertionError("there is no transport to try")
