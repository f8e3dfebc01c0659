"""What goes wrong in the protocol: whose fault, where, and the status to answer."""

from enum import Enum


class Fault(Enum):
    """Who broke the protocol: this program or its peer."""

    LOCAL = "local"
    REMOTE = "remote"


class ProtocolError(Exception):
    """A peer (or this program) said something the protocol does not allow.

    Attributes:
        message: what is wrong, fit for a log line and for the body of an answer.
        status: the RTSP status to answer with (RFC 2326 §7.1.1).
        fault: whose fault it is.
        offset: byte position in the stream or in the text being read, where known.
        where: what was being read: a header name, "request line", an SDP line.
        request_cseq: CSeq of the request at fault, where it could still be read.
        fatal: the byte stream cannot be followed any further; answer, then close.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        fault: Fault = Fault.REMOTE,
        offset: int | None = None,
        where: str | None = None,
        request_cseq: int | None = None,
        fatal: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.fault = fault
        self.offset = offset
        self.where = where
        self.request_cseq = request_cseq
        self.fatal = fatal

    def __str__(self) -> str:
        parts = [self.message]
        if self.where is not None:
            parts.append(f"in {self.where}")
        if self.offset is not None:
            parts.append(f"at byte {self.offset}")
        return " ".join(parts)


class LimitExceeded(ProtocolError):  # noqa: N818 - named after what happened
    """A peer sent more of something than whoever reads it takes.

    Attributes:
        limit: the field of `WireLimits` or `DescriptionLimits` that has the bound.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: str,
        status: int = 413,
        offset: int | None = None,
        where: str | None = None,
        fatal: bool = False,
    ) -> None:
        super().__init__(message, status=status, offset=offset, where=where, fatal=fatal)
        self.limit = limit


class HttpSpoken(ProtocolError):  # noqa: N818 - named after what happened
    """The peer sent a request of HTTP: 400, and nothing behind it can be followed.

    Attributes:
        method: the request's method.
    """

    def __init__(self, *, method: str, offset: int | None = None) -> None:
        super().__init__(
            "the version is that of HTTP, not RTSP/1.0",
            where="first line",
            offset=offset,
            fatal=True,
        )
        self.method = method


class StateError(ProtocolError):
    """A method that the session's state does not allow: 455 (RFC 2326 §11.3.6).

    Attributes:
        allow: the methods that would have been allowed, for the `Allow` header.
    """

    def __init__(self, message: str, *, allow: tuple[str, ...]) -> None:
        super().__init__(message, status=455, where="request line")
        self.allow = allow
