"""What a program and the process of its decoder say to each other.

The program is believed: what it says is pickled. The process is not, for it decodes what anybody
may have sent: what it says is JSON, and is looked at before it is used.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from headwater.codecs.configs import TrackConfig
from headwater.libav.decoding.apart.laid_frame import Laid, LaidPicture, LaidSound

MOST_ANSWER_BYTES = 65_536
"""Of one answer: it is a line."""
_KINDS: dict[str, type[Laid]] = {"picture": LaidPicture, "sound": LaidSound}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "str": str,
    "int | None": (int, type(None)),
    "tuple[int, ...]": list,
}


@dataclass(frozen=True, slots=True)
class Order:
    """The first that the process is told: what it decodes, and where frames go.

    Attributes:
        config: what sets up the decoder.
        clock_rate_hz: of the track.
        device: what decodes in hardware.
        memory: the descriptor of the shared memory.
        program: the number of the program's process, with which it ends.
    """

    config: TrackConfig
    clock_rate_hz: int
    device: str | None
    memory: int
    program: int


@dataclass(frozen=True, slots=True)
class Request:
    """What follows, time and again.

    Attributes:
        position: of the access unit.
        units: what it consists of; nothing where more frames of the one before are wanted.
        free: the slots that frames may go to.
    """

    position: int
    units: tuple[bytes, ...]
    free: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process says to an order or a request.

    Attributes:
        frames: what was decoded.
        more: whether there are further frames, for which there was no slot.
        problem: why it cannot go on, in words.
    """

    frames: tuple[Laid, ...] = ()
    more: bool = False
    problem: str = ""

    def line(self) -> bytes:
        """Return it as it is sent."""
        frames = [
            {"kind": "picture" if isinstance(each, LaidPicture) else "sound", **asdict(each)}
            for each in self.frames
        ]
        told = {"frames": frames, "more": self.more, "problem": self.problem}
        return json.dumps(told).encode() + b"\n"


def read_answer(line: bytes) -> Answer:
    """Return what the process has said. Raises ValueError for what is no answer."""
    try:
        told = json.loads(line)
        frames = tuple(_laid(each) for each in told["frames"])
        return Answer(frames, more=told["more"] is True, problem=str(told["problem"]))
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no answer of a decoder: {type(error).__name__}: {error}") from error


def _laid(told: dict[str, Any]) -> Laid:
    kind = _KINDS[str(told.pop("kind"))]
    for name, field in kind.__dataclass_fields__.items():
        value = told[name]
        if not isinstance(value, _TYPES[str(field.type)]):
            raise TypeError(f"{name} is {value!r}")
        if isinstance(value, list):
            told[name] = tuple(each for each in value if isinstance(each, int) and each > 0)
    return kind(**told)
