"""A blocking RTSP client that knows just what the load needs (RFC 2326)."""

import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT_S = 10.0


class RtspError(RuntimeError):
    """The server refused, hung or left; the text says which request and how."""


@dataclass(slots=True)
class Response:
    """Status and headers (names in lower case) of one answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class RtspConnection:
    """One TCP connection to the server of `url`, and the session on it."""

    url: str
    sock: socket.socket = field(init=False)
    session: str = ""
    _cseq: int = 0
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        address = (parts.hostname or "127.0.0.1", parts.port or 554)
        self.sock = socket.create_connection(address, timeout=TIMEOUT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def encode(
        self, method: str, uri: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> bytes:
        """The bytes of a request, with the next CSeq and the session's id."""
        self._cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._cseq}", "User-Agent: headwater-bench"]
        if self.session:
            lines.append(f"Session: {self.session}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def request(
        self, method: str, uri: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Send a request and wait for a 200; raises RtspError for anything else."""
        try:
            self.sock.sendall(self.encode(method, uri, headers, body))
            answer = self._read_response()
        except OSError as error:
            raise RtspError(f"{method} {uri}: {error or type(error).__name__}") from error
        if answer.status != 200:
            raise RtspError(f"{method} {uri}: status {answer.status}")
        if "session" in answer.headers:
            self.session = answer.headers["session"].partition(";")[0].strip()
        return answer

    def _read_response(self) -> Response:
        while True:
            while self._buffer[:1] == b"$" and len(self._buffer) >= 4:
                length = 4 + int.from_bytes(self._buffer[2:4], "big")
                if len(self._buffer) < length:
                    break
                self._buffer = self._buffer[length:]
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if end and not head.startswith(b"$"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines)
                }
                length = int(headers.get("content-length", "0"))
                if len(rest) >= length:
                    self._buffer = rest[length:]
                    return Response(int(first.split()[1]), headers, rest[:length])
            # A server that writes head and body apart waits 40 ms for our delayed acknowledgement.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            received = self.sock.recv(65536)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._buffer += received

    def drain(self) -> bytes:
        """Whatever has come in, without waiting; raises OSError when the connection is gone."""
        self.sock.setblocking(False)
        parts = []
        try:
            while received := self.sock.recv(262144):
                parts.append(received)
            raise ConnectionError("the server closed the connection")
        except BlockingIOError:
            return b"".join(parts)
        finally:
            self.sock.settimeout(TIMEOUT_S)

    def close(self) -> None:
        self.sock.close()


def control_url(base: str, answer: Response) -> str:
    """Where the first track of a DESCRIBE answer is set up (RFC 2326 C.1.1)."""
    base = answer.headers.get("content-base", base)
    media = answer.body.decode("utf-8", "replace").partition("m=")[2]
    for line in media.splitlines():
        if line.startswith("a=control:"):
            control = line.partition(":")[2].strip()
            if control.startswith("rtsp://"):
                return control
            return base.rstrip("/") + "/" + control
    return base


def transport_ports(answer: Response, name: str) -> tuple[int, int]:
    """The pair of numbers of one Transport parameter, as `server_port` or `interleaved`."""
    for part in answer.headers.get("transport", "").split(";"):
        key, _, value = part.partition("=")
        if key.strip() == name:
            first, _, second = value.partition("-")
            return int(first), int(second or int(first) + 1)
    raise RtspError(f"no {name} in Transport: {answer.headers.get('transport', '')}")
