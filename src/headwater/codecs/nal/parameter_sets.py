"""The parameter sets of one track: the latest of each kind and number, and what they say."""

import base64
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from headwater.codecs.bits import BitsEnd
from headwater.codecs.quirks import START_CODE, Repair, annex_b_units

MOST_SET_BYTES = 4_096
"""Of one parameter set: scaling matrices and all have less."""

_Config = TypeVar("_Config")
SetKey = tuple[int, int]
"""NAL unit type and number of a set: they sort in the order in which a decoder wants them."""


class ParameterSets(Generic[_Config]):
    """Keeps the sets that a decoder needs.

    Args:
        identify: gives the key of a set, and the set without bytes that do not belong to it.
        describe: makes a configuration of the sets by their keys; None where some are missing.
        repairs: counts what was read though it is wrong.
    """

    __slots__ = ("_describe", "_identify", "_repairs", "_sets", "config", "units")

    def __init__(
        self,
        identify: Callable[[bytes], tuple[SetKey, bytes]],
        describe: Callable[[dict[SetKey, bytes]], _Config | None],
        repairs: Counter[Repair],
    ) -> None:
        self._identify = identify
        self._describe = describe
        self._repairs = repairs
        self._sets: dict[SetKey, bytes] = {}
        self.units: tuple[bytes, ...] = ()
        """All sets, in the order in which a decoder wants them."""
        self.config: _Config | None = None
        """What the sets say; None until they are complete."""

    def add(self, unit: bytes) -> bool:
        """Take a set; return whether it can be read."""
        if unit in self.units:
            return True
        try:
            if len(unit) > MOST_SET_BYTES:
                return False
            # ITU-T H.264 §7.4.1: no NAL unit ends with a zero byte.
            key, exact = self._identify(unit.rstrip(b"\0"))
            if exact != unit:
                self._repairs[Repair.BYTES_BEHIND_PARAMETERS] += 1
            if self._sets.get(key) == exact:
                return True
            sets = {**self._sets, key: exact}
            self.config = self._describe(sets)
        except BitsEnd:
            return False
        self._sets = sets
        self.units = tuple(sets[key] for key in sorted(sets))
        return True


def sprop_units(values: Iterable[str], repairs: Counter[Repair]) -> list[bytes]:
    """Return the NAL units of format parameters such as `sprop-parameter-sets`.

    Some cameras write a byte stream with start codes instead, some leave values out or cut them
    off: what cannot be read is left out.

    Args:
        values: each Base64, or several with commas between them.
        repairs: counts what was read though it is wrong.
    """
    units: list[bytes] = []
    for text in ",".join(values).split(","):
        text = text.strip()
        try:
            unit = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            continue
        if START_CODE in unit:
            repairs[Repair.START_CODES_IN_PACKET] += 1
            units += annex_b_units(unit)
        elif unit:
            units.append(unit)
    return units


def without_emulation(unit: bytes) -> bytes:
    """Return a NAL unit's bytes without those that prevent start codes (ITU-T H.264 §7.4.1)."""
    return unit.replace(b"\0\0\3", b"\0\0")


def cut_behind_stop_bit(unit: bytes, position: int) -> bytes:
    """Return a parameter set without bytes behind its end.

    Args:
        unit: the set as it came.
        position: how many of its bits are content, without emulation prevention: the stop bit is
            the next. Where none is there, the set is left as it is.
    """
    size = position // 8 + 1
    content = without_emulation(unit)
    stop = 0x80 >> position % 8
    if size >= len(content) or content[size - 1] & (stop * 2 - 1) != stop:
        return unit
    taken = next(
        end for end in range(size, len(unit)) if len(without_emulation(unit[:end])) >= size
    )
    return unit[:taken]
