"""What a deciding hook may return, and what the server makes of it."""

from __future__ import annotations

from dataclasses import dataclass

_REDIRECT_SCHEMES = ("rtsp://", "rtsps://")

CHECK_MOUNT_ANSWERS = (
    "True, False, a status from 300 to 599, Redirect(uri), a string that starts with rtsp://, "
    "or Allowed(for_s=…)"
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The request may go on; after `for_s` seconds `check_mount` is asked anew, None for never.

    Raises ValueError when `for_s` is not above 0.
    """

    for_s: float | None = None

    def __post_init__(self) -> None:
        if self.for_s is not None and not self.for_s > 0:
            raise ValueError(f"for_s is {self.for_s}; it must be above 0")


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is answered with this status."""

    status: int = 403


@dataclass(frozen=True, slots=True)
class Redirect:
    """The client is sent elsewhere: 302, or 301 when `permanent`, with `Location` (RFC 2326 §11.3).

    Raises ValueError when `uri` is no rtsp:// or rtsps:// URI, or holds what a header cannot.
    """

    uri: str
    permanent: bool = False

    def __post_init__(self) -> None:
        if not self.uri.lower().startswith(_REDIRECT_SCHEMES):
            raise ValueError("a redirect's URI must start with rtsp:// or rtsps://")
        # Anything else would end the header line or split it: a URI has none of it (RFC 3986 §2).
        if not all("!" <= character <= "~" for character in self.uri):
            raise ValueError("a redirect's URI must be printable ASCII without blanks")

    @property
    def status(self) -> int:
        """301 or 302."""
        return 301 if self.permanent else 302


MountVerdict = Allowed | Refused | Redirect


def mount_verdict(answer: object) -> MountVerdict:
    """Return what `check_mount`'s answer means. Raises ValueError, with what is allowed."""
    match answer:
        case True:
            return Allowed()
        case False:
            return Refused(403)
        case Redirect() | Allowed():
            return answer
        case int() if 300 <= answer <= 599:
            return Refused(int(answer))
        case str() if answer.lower().startswith(_REDIRECT_SCHEMES):
            return Redirect(answer)
        case _:
            raise ValueError(f"returned {_described(answer)}; allowed: {CHECK_MOUNT_ANSWERS}")


def authentication_verdict(answer: object) -> bool:
    """`authentication`'s return value; ValueError for anything but a bool.

    Truth of other values is not asked: a forgotten `await` or a row from a database would let
    everybody in.
    """
    if not isinstance(answer, bool):
        raise ValueError(f"returned {_described(answer)}; allowed: True or False")
    return answer


def _described(answer: object) -> str:
    # Numbers are safe to repeat; other values may hold what a log must not.
    if answer is None or isinstance(answer, int):
        return repr(answer)
    return f"a value of type {type(answer).__name__}"
