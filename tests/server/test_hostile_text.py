"""Whatever peers say of themselves is harmless wherever it is shown."""

from __future__ import annotations

import ast
import base64
import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from rtsp_peer import Answer, RtspPeer
from udp_peer import wait_for

import headwater
from headwater import HookRequest, Hooks, MountSnapshot, RtspServer
from headwater.cli.commands.status_view import status_view
from headwater.cli.process.logs import JsonFormatter, TextFormatter
from headwater.control.json_text import json_pieces, plain
from headwater.log_line import fields_of
from headwater.log_pace import LinePace

ServerFactory = Callable[..., Awaitable[RtspServer]]

RAW = "\x1b]0;title\x07\x9b2J\u202e\u200b\u2066\u2028\x85\ufeff".encode() + b"\xff\xfe"
"""What no header and no line ends at: commands of terminals, marks that nobody sees, no UTF-8."""

HOSTILE = RAW.decode("utf-8", "surrogateescape")
IN_HEADER = RAW.translate(None, b"\x1b\x07\xff\xfe")
"""The same without what ends a request at once (control characters), in UTF-8."""

TCP = b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1"


class FittedLog(logging.Handler):
    """Keeps each line as the command line writes it, in both formats, and as basicConfig does."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.formatters = (
            TextFormatter(colours=False),
            JsonFormatter(),
            logging.Formatter(logging.BASIC_FORMAT),
        )

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [formatter.format(record) for formatter in self.formatters]
        self.texts += [str(value) for value in fields_of(record).values()]


@pytest.fixture
def log() -> Iterator[FittedLog]:
    handler = FittedLog()
    logger = logging.getLogger("headwater")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def is_harmless(text: str) -> bool:
    """Printable line by line; a line break stands only where a traceback is set in."""
    first, *rest = text.split("\n")
    return first.isprintable() and all(
        line.isprintable() and line.startswith("  ") for line in rest
    )


@dataclass(frozen=True)
class LogCall:
    """One call of a logger in the product."""

    module: str
    line: int
    logger: str
    text: object
    fields: tuple[object, ...]


def log_calls() -> Iterator[LogCall]:
    """Every call in the product that logs."""
    levels = {"debug", "info", "warning", "error", "exception", "critical", "log"}
    root = Path(headwater.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="logger" | "_log" as name), attr=level)
                ) if level in levels:
                    text = node.args[1 if level == "log" else 0]
                    extra = next((k.value for k in node.keywords if k.arg == "extra"), None)
                    names = extra.keys if isinstance(extra, ast.Dict) else []
                    fields = tuple(k.value for k in names if isinstance(k, ast.Constant))
                    module = str(path.relative_to(root))
                    yield LogCall(module, node.lineno, name, text, fields)


def test_every_line_of_the_product_is_harmless_whatever_its_fields_hold() -> None:
    calls = list(log_calls())
    assert len(calls) > 60
    pace = LinePace(lambda: 0.0)
    for call in calls:
        for value in (HOSTILE, [HOSTILE], ValueError(HOSTILE), KeyError(HOSTILE)):
            pace.forget()
            fields = {str(name): value for name in (*call.fields, "cause")}
            record = logging.makeLogRecord({"msg": "line", "levelno": logging.ERROR, **fields})
            record.exc_info = (ValueError, ValueError(HOSTILE), None)
            assert pace.filter(record), call
            for formatter in FittedLog().formatters:
                assert is_harmless(formatter.format(record)), call


def test_every_logger_of_the_product_is_held_to_the_pace() -> None:
    root = Path(headwater.__file__).parent
    makers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "getLogger(" in path.read_text(encoding="utf-8")
    }
    # The one that makes them, and the one that sets up the root logger of the command line.
    assert makers == {"log_pace.py", "cli/process/logs.py"}


async def ask(peer: RtspPeer, lines: bytes, body: bytes = b"") -> Answer:
    """Send a request as bytes."""
    peer.cseq += 1
    head = lines + b"\r\nCSeq: %d\r\nUser-Agent: agent" % peer.cseq + IN_HEADER
    if body:
        head += b"\r\nContent-Length: %d" % len(body)
    await peer.send(head + b"\r\n\r\n" + body)
    return await peer.answer()


async def publish(server: RtspServer, path: bytes) -> RtspPeer:
    """Publish a description that is hostile wherever a peer may choose the text."""
    url = f"rtsp://127.0.0.1:{server.publish_port}".encode() + path
    sdp = (
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=name" + RAW + b"\r\nt=0 0\r\n"
        b"m=vi" + RAW + b"deo 0 RTP/AVP 96\r\n"
        b"a=rtpmap:96 H26" + RAW + b"4/90000\r\na=fmtp:96 x=" + RAW + b"\r\na=control:trackID=0\r\n"
    )
    peer = await RtspPeer.connect(server.publish_port)
    basic = base64.b64encode(RAW.replace(b"\xff\xfe", b"") + b":" + RAW)
    announce = b"ANNOUNCE " + url + b" RTSP/1.0\r\nContent-Type: application/sdp\r\n"
    await ask(peer, announce + b"Authorization: Basic " + basic, sdp)
    [session] = [s.id.encode() for s in server.sessions.values() if s.role == "publish"]
    record = b"\r\nSession: " + session
    await ask(peer, b"SETUP " + url + b"/trackID=0 RTSP/1.0\r\n" + TCP + b";mode=record" + record)
    await ask(peer, b"RECORD " + url + b" RTSP/1.0" + record)
    return peer


async def test_hostile_text_from_every_field_of_real_peers(
    start_server: ServerFactory, log: FittedLog
) -> None:
    asked: list[str] = []

    async def authentication(username: str, password: str, request: HookRequest) -> bool:
        return True

    def check_mount(request: HookRequest) -> bool:
        if "raise" in request.path:
            raise KeyError(request.user_agent, request.headers.get("X-Note", ""))
        return True

    def reader_started(mount: MountSnapshot) -> None:
        asked.append(mount.path)
        raise RuntimeError(f"{mount}{HOSTILE}")

    hooks = Hooks(
        authentication=authentication, check_mount=check_mount, reader_started=reader_started
    )
    server = await start_server(publish_hooks=hooks, play_hooks=hooks)
    path = b"/mount%E2%80%AE%E2%80%8B%C2%A0"
    publisher = await publish(server, path)
    [mount] = server.mounts.values()
    url = f"rtsp://127.0.0.1:{server.play_port}".encode() + path
    reader = await RtspPeer.connect(server.play_port)
    await ask(reader, b"SETUP " + url + b"/trackID=0 RTSP/1.0\r\n" + TCP)
    [session] = [s.id.encode() for s in server.sessions.values() if s.role == "play"]
    await ask(reader, b"PLAY " + url + b" RTSP/1.0\r\nSession: " + session)
    await wait_for(lambda: asked)

    requests = (
        b"DESCRIBE rtsp://h/nobody" + IN_HEADER + b" RTSP/1.0",
        b"DESCRIBE rtsp://h/raise%E2%80%AE RTSP/1.0\r\nX-Note: " + IN_HEADER,
        b"DESCRIBE " + url + b" RTSP/1.0\r\nRequire: " + IN_HEADER,
        b"DESCRIBE " + url + b" RTSP/1.0\r\nAuthorization: " + IN_HEADER,
        b"SETUP " + url + b"/" + IN_HEADER + b" RTSP/1.0\r\n" + TCP,
        b"SETUP " + url + b"/trackID=0 RTSP/1.0\r\nTransport: " + IN_HEADER,
        b"PLAY " + url + b" RTSP/1.0\r\nSession: " + IN_HEADER,
        b"PLAY " + url + b" RTSP/1.0\r\nRange: " + IN_HEADER + b"\r\nSession: " + session,
        b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nContent-Type: " + IN_HEADER,
        b"ANNOUNCE rtsp://h/x RTSP/1.0\r\nContent-Type: application/sdp\r\nContent-Length: "
        + IN_HEADER,
        b"GET_PARAMETER " + url + b" RTSP/1.0\r\nSession: " + IN_HEADER,
        b"X" + IN_HEADER + b" rtsp://h/x RTSP/1.0",
        RAW + b" " + RAW + b" " + RAW,
    )
    answers = [await ask(await RtspPeer.connect(server.play_port), each) for each in requests]
    refusals = [answer for answer in answers if answer.status != 200]
    assert len(refusals) > 8
    for answer in refusals:
        # A description goes to readers as it came; what the server says itself is for people.
        assert is_harmless(answer.body.decode().removesuffix("\r\n")), answer

    status = server.status()
    document = json.loads("".join(json_pieces(status)))
    assert document == json.loads(json.dumps(status.to_dict()))
    for text in texts_of(document):
        assert is_harmless(text), text
    [shown_mount] = document["mounts"]
    assert shown_mount["path"] == r"/mount\u202e\u200b\u00a0"
    assert mount.path == "/mount\u202e\u200b\u00a0", "a program gets the path itself"
    console = Console(file=io.StringIO(), width=400)
    console.print(status_view(document))
    assert all(map(str.isprintable, console.file.getvalue().split("\n")))  # type: ignore[attr-defined]

    reader.abort()
    publisher.abort()
    await wait_for(lambda: not server.sessions)
    said = "\n".join(log.texts)
    for event in ("publisher started", "reader stopped", "hook failed", "request refused"):
        assert event in said
    for text in log.texts:
        assert is_harmless(text), text


def texts_of(value: object) -> Iterator[str]:
    """Every text in a document, keys included."""
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield from texts_of(key)
                yield from texts_of(item)
        case list():
            for item in value:
                yield from texts_of(item)


def test_document_of_another_server_is_made_fit_before_it_is_shown() -> None:
    assert list(texts_of(plain({HOSTILE: [HOSTILE, {"x": HOSTILE}]}))) != []
    assert all(map(is_harmless, texts_of(plain({HOSTILE: [HOSTILE, {"x": HOSTILE}]}))))
