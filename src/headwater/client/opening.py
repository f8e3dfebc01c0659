"""A client's way to a server that talks: connect, TLS, OPTIONS, and on where it is sent."""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Awaitable, Callable

from headwater.client.connection import ClientConnection
from headwater.client.errors import (
    RedirectError,
    RefusedError,
    StepTimeoutError,
    TlsError,
    UnreachableError,
)
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.net.client_tls import server_trust
from headwater.net.dialling import dial
from headwater.net.stream import ByteStream
from headwater.net.tcp_stream import TcpStream
from headwater.net.tls_context import TlsFilesError
from headwater.net.tls_stream import TlsStream
from headwater.protocol.client.dialogue import ClientDialogue
from headwater.protocol.client.login import Login
from headwater.protocol.message import Response
from headwater.protocol.method import Method
from headwater.shown_text import shown


async def open_connection(
    target: Target, settings: ClientSettings, around: Surroundings
) -> ClientConnection:
    """Connect to a server and ask for its methods. Raises ClientError."""
    login = None
    if target.username:
        login = Login(
            target.username,
            target.password,
            lambda: secrets.token_hex(8),
            digest_only=settings.digest_only,
        )
    dialogue = ClientDialogue(settings.user_agent, login)
    connection = ClientConnection(dialogue, target.label, around.wire_limits, around.loop.time)
    connection.attach(await _stream(target, settings, around, connection))
    try:
        # What keeps a session alive depends on it. A server that does not know OPTIONS may know
        # all the rest, so its status decides nothing.
        await connection.ask(Method.OPTIONS, target.url, within_s=settings.answer_timeout_s)
    except BaseException:
        connection.abort()
        raise
    return connection


async def _stream(
    target: Target, settings: ClientSettings, around: Surroundings, receiver: ClientConnection
) -> ByteStream:
    uri = target.uri
    # Files and settings first: nobody is called where the answer could not be trusted.
    trust = None
    try:
        if target.is_secure:
            trust = server_trust(ca_file=settings.ca_file, fingerprint=settings.fingerprint)
        sock = await dial(uri.host, uri.effective_port, settings.connect_timeout_s, around.reach)
    except TimeoutError:
        raise StepTimeoutError(
            f"no connection within {settings.connect_timeout_s:g} s",
            url=target.label,
            step="connect",
        ) from None
    except (TlsFilesError, ssl.SSLError) as error:
        raise TlsError(str(error), url=target.label, step="TLS") from error
    except OSError as error:
        cause = shown(_words_of(error))
        raise UnreachableError(cause, url=target.label, step="connect") from error
    sockets = around.sockets
    if trust is None:
        return TcpStream(
            sock,
            around.loop,
            receiver,
            read_bytes=sockets.read_bytes,
            reads_per_wake=sockets.reads_per_wake,
            close_deadline_s=sockets.close_deadline_s,
        )
    return TlsStream(
        sock,
        around.loop,
        receiver,
        trust.context,
        server_side=False,
        server_hostname=uri.host.partition("%")[0],
        check_peer=trust.check,
        handshake_deadline_s=settings.connect_timeout_s,
        read_bytes=sockets.read_bytes,
        reads_per_wake=sockets.reads_per_wake,
        close_deadline_s=sockets.close_deadline_s,
    )


def _words_of(error: OSError) -> str:
    # asyncio puts "Connect call failed" in front; a name that is unknown has a number below 0.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def follow(
    target: Target,
    settings: ClientSettings,
    around: Surroundings,
    step: str,
    first_request: Callable[[Target, ClientConnection], Awaitable[Response]],
) -> tuple[Target, ClientConnection, Response]:
    """Send a first request to where the server wants it; return where that was.

    `step` is the request's method. Each place is asked on a connection of its own.

    Raises ClientError: RedirectError for too many places or one that must not be gone to,
    RefusedError for another status than success.
    """
    for _ in range(settings.max_redirects + 1):
        connection = await open_connection(target, settings, around)
        try:
            response = await first_request(target, connection)
            if response.status // 100 == 2:
                return target, connection, response
            if response.status // 100 == 3:
                before, target = target, target.redirected(response, step)
            else:
                raise RefusedError.of(response, url=target.label, step=step)
        except BaseException:
            connection.abort()
            raise
        connection.close()
    raise RedirectError(
        response.status,
        shown(response.reason or ""),
        url=before.label,
        step=step,
        hint=f"after {settings.max_redirects} others; the servers send in circles",
    )
