"""Answers that are understood, but are not those that a good camera gives."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.message import Answer, Headers

if TYPE_CHECKING:
    from headwater.testing.fake_camera.camera import AsyncFakeCamera
    from headwater.testing.fake_camera.exchange import Exchange


def filled(text: str, camera: AsyncFakeCamera) -> str:
    """The text with the camera's {url}, {address} and {port} in it."""
    for name, value in (("url", camera.url), ("address", camera.address), ("port", camera.port)):
        text = text.replace(f"{{{name}}}", str(value))
    return text


@dataclass(frozen=True)
class Reply(Fault):
    """Answers a method with a status, whatever was asked."""

    method: str
    status: int
    headers: Headers = ()
    after: int = 0
    """So many requests of this method on a connection are answered well before."""

    def request(self, exchange: Exchange) -> Answer | None:
        """The status, with its headers."""
        if exchange.method != self.method or exchange.number <= self.after:
            return None
        camera = exchange.camera
        return Answer(self.status, tuple((n, filled(v, camera)) for n, v in self.headers))


def redirect(location: str, status: int = 302) -> Reply:
    """Sends whoever asks for a description to another place."""
    return Reply("DESCRIBE", status, (("Location", location),))


@dataclass(frozen=True)
class Require(Fault):
    """Refuses requests of a method where a header does not match a pattern."""

    method: str
    header: str
    pattern: str
    status: int

    def request(self, exchange: Exchange) -> Answer | None:
        """The status, where the header is missing or says something else."""
        value = exchange.request.header(self.header) or ""
        fits = exchange.method != self.method or re.search(self.pattern, value)
        return None if fits else Answer(self.status)


@dataclass(frozen=True)
class Refuse(Fault):
    """Refuses requests of a method where a header matches a pattern."""

    method: str
    header: str
    pattern: str
    status: int

    def request(self, exchange: Exchange) -> Answer | None:
        """The status, where the header says this."""
        value = exchange.request.header(self.header) or ""
        fits = exchange.method == self.method and re.search(self.pattern, value)
        return Answer(self.status) if fits else None


@dataclass(frozen=True)
class DescribeFirst(Fault):
    """Refuses SETUP on a connection that has not asked for the description."""

    status: int = 455

    def request(self, exchange: Exchange) -> Answer | None:
        """The status, where there was no DESCRIBE."""
        asked = any(request.method == "DESCRIBE" for request in exchange.connection.requests)
        return Answer(self.status) if exchange.method == "SETUP" and not asked else None


@dataclass(frozen=True)
class Rewrite(Fault):
    """Changes a header of good answers to a method, by a regular expression."""

    method: str
    header: str
    pattern: str
    replacement: str
    after: int = 0
    """So many answers of this method on a connection are left alone before."""

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with another value of the header, if it has one."""
        value = answer.header(self.header)
        if exchange.method != self.method or exchange.number <= self.after or value is None:
            return answer
        replacement = filled(self.replacement, exchange.camera)
        return answer.with_header(self.header, re.sub(self.pattern, replacement, value))


@dataclass(frozen=True)
class SetHeader(Fault):
    """Sets a header of good answers to a method; None leaves it out."""

    method: str
    header: str
    value: str | None

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with this value of the header."""
        if exchange.method != self.method or answer.status != 200:
            return answer
        value = None if self.value is None else filled(self.value, exchange.camera)
        return answer.with_header(self.header, value)


@dataclass(frozen=True)
class RenameHeader(Fault):
    """Gives a header of the answers to a method another name."""

    method: str
    header: str
    name: str

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with the value under the other name."""
        value = answer.header(self.header)
        if exchange.method != self.method or value is None:
            return answer
        return answer.with_header(self.header, None).with_header(self.name, value)


@dataclass(frozen=True)
class RewriteSdp(Fault):
    """Changes the description by a regular expression; `^` is the beginning of each line."""

    pattern: str
    replacement: str

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with another description, if it has one."""
        if exchange.method != "DESCRIBE" or not answer.body:
            return answer
        text = answer.body.decode("utf-8", "surrogateescape")
        replacement = filled(self.replacement, exchange.camera)
        changed = re.sub(self.pattern, replacement, text, flags=re.MULTILINE | re.DOTALL)
        return replace(answer, body=changed.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class SpropAround(Fault):
    """Puts bytes around the parameter sets in the description."""

    before: bytes = b""
    behind: bytes = b""
    sets: int = 2
    """How many of the parameter sets are given; the rest is left out."""

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with other parameter sets, if it has some."""
        return replace(
            answer,
            body=re.sub(rb"(?<=sprop-parameter-sets=)[^;\r\n]+", self._changed, answer.body),
        )

    def _changed(self, found: re.Match[bytes]) -> bytes:
        sets = [base64.b64decode(text) for text in found.group().split(b",")][: self.sets]
        return b",".join(base64.b64encode(self.before + each + self.behind) for each in sets)


@dataclass(frozen=True)
class NoSprop(Fault):
    """Gives no parameter sets in the description: whoever plays it must wait for those in RTP."""

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer without them."""
        if exchange.method != "DESCRIBE":
            return answer
        return replace(answer, body=re.sub(rb"[; ]?sprop-[^;\r\n]+", b"", answer.body))


@dataclass(frozen=True)
class BackChannels(Fault):
    """Offers back channels to those that require them; SETUP of the second one fails."""

    count: int = 2

    def request(self, exchange: Exchange) -> Answer | None:
        """A refusal of every back channel but the first."""
        if exchange.method != "SETUP" or "backchannel=" not in exchange.request.uri:
            return None
        return Answer(500)

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The description with the back channels, where they are required."""
        if exchange.method != "DESCRIBE" or answer.status != 200:
            return answer
        if "backchannel" not in (exchange.request.header("Require") or ""):
            return answer
        lines = "".join(
            f"m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:backchannel={index}\r\n"
            "a=sendonly\r\n"
            for index in range(self.count)
        )
        return replace(answer, body=answer.body + lines.encode())
