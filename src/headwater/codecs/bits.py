"""Bits of a byte string in their order, as headers of codecs are written."""


class BitsEnd(ValueError):  # noqa: N818 - named after what happened
    """More bits are asked for than there are, or a number is out of its range."""


def below(number: int, end: int) -> int:
    """Return a number that was read.

    Raises:
        BitsEnd: it is not below `end`, so it cannot be what it was taken for.
    """
    if number >= end:
        raise BitsEnd(f"{number} where at most {end - 1} can stand")
    return number


class BitReader:
    """Reads unsigned numbers from the first bit on."""

    __slots__ = ("_length", "_value", "position")

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content, "big")
        self._length = 8 * len(content)
        self.position = 0
        """Bits read so far."""

    @property
    def left(self) -> int:
        """How many bits there are still."""
        return self._length - self.position

    def bits(self, count: int) -> int:
        """Return the next `count` bits as a number.

        Raises:
            BitsEnd: there are fewer.
        """
        end = self.position + count
        if end > self._length:
            raise BitsEnd(f"{count} bits are read where {self.left} are left")
        self.position = end
        return self._value >> (self._length - end) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Return the next bit."""
        return bool(self.bits(1))

    def skip(self, count: int) -> None:
        """Pass over `count` bits."""
        self.bits(count)

    def copy(self, start: int, end: int) -> bytes:
        """Return the bits from `start` to `end`, the last byte filled with zeros."""
        count = end - start
        value = self._value >> (self._length - end) & ((1 << count) - 1)
        padding = -count % 8
        return (value << padding).to_bytes((count + padding) // 8, "big")

    def golomb(self) -> int:
        """Return the next unsigned Exp-Golomb number, `ue(v)` (ITU-T H.264 §9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise BitsEnd("an Exp-Golomb number of more than 32 bits")
        return (1 << zeros | self.bits(zeros)) - 1

    def signed_golomb(self) -> int:
        """Return the next signed Exp-Golomb number, `se(v)` (ITU-T H.264 §9.1.1)."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


class BitWriter:
    """Writes unsigned numbers, the first bit first."""

    __slots__ = ("_length", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def bits(self, value: int, count: int) -> None:
        """Write a number in `count` bits."""
        self._value = self._value << count | value & ((1 << count) - 1)
        self._length += count

    def content(self) -> bytes:
        """Return what was written; the last byte is filled with zeros."""
        padding = -self._length % 8
        return (self._value << padding).to_bytes((self._length + padding) // 8, "big")
