"""The board by the API: what a server anywhere tells of itself, by a token or a user."""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.top.seen import SeenBoard
from headwater.shown_text import shown, without_credentials

_SILENT_S: Final = 15.0
_MOST_LINE_BYTES: Final = 64 * 1024 * 1024
_ADDRESS: Final = "/v1/board"
_PORTS: Final = {"http": 80, "https": 443}


def boards_by_api(url: str, token: str | None) -> Iterator[SeenBoard]:
    """Yield the board whenever it has changed. Raises CommandFailed."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise CommandFailed(
            f"{without_credentials(url)} is no address of a server",
            remedy="for example http://server:8080",
            exit_code=EXIT_CONFIGURATION,
        )
    where = f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"
    connection = _connection(parts)
    try:
        connection.request("GET", _ADDRESS, headers=_headers(parts, token))
        answer = connection.getresponse()
        if answer.status != 200:
            raise _refused(where, answer)
        yield from _boards(answer)
    except (OSError, http.client.HTTPException) as error:
        cause = "it is silent" if isinstance(error, TimeoutError) else str(error)
        raise CommandFailed(
            f"{where} does not answer: {shown(cause)}",
            remedy="is it the port for browsers (http.port), and does the server run?",
        ) from error
    finally:
        connection.close()
    raise CommandFailed(
        f"{where} has ended the board", remedy="the server stops, or knows why in its log"
    )


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=_SILENT_S, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=_SILENT_S)


def _headers(parts: SplitResult, token: str | None) -> dict[str, str]:
    if token:
        return {"Authorization": f"Bearer {token}"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _refused(where: str, answer: http.client.HTTPResponse) -> CommandFailed:
    try:
        detail = json.loads(answer.read(_MOST_LINE_BYTES))["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"it answered {answer.status}"
    remedy = "give --token, or a user in the URL: http://user:password@server:8080"
    needs = answer.status in {401, 403}
    return CommandFailed(f"{where}: {shown(str(detail), 500)}", remedy=remedy if needs else "")


def _boards(answer: http.client.HTTPResponse) -> Iterator[SeenBoard]:
    cards: dict[str, dict[str, Any]] = {}
    while line := answer.readline(_MOST_LINE_BYTES):
        if not line.startswith(b"data: "):
            continue
        news = json.loads(line[len(b"data: ") :])
        for path in news["gone"]:
            cards.pop(path, None)
        cards.update((card["path"], card) for card in news["cards"])
        yield SeenBoard(news["clock_s"], news.get("server"), tuple(cards.values()))
