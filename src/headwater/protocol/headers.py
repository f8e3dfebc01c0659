"""Header fields of a message: ordered, repeatable, names in any case."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter, methodcaller
from typing import overload

from headwater.protocol.errors import Fault, LimitExceeded, ProtocolError
from headwater.protocol.quirks import continues_line_before

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NAME_BYTES = re.compile(_NAME.pattern.encode())
# CR and LF would let a value smuggle in further headers; lone surrogates cannot be encoded.
_UNSAFE_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_name_of, _value_of = itemgetter(0), itemgetter(1)
_stripped = methodcaller("strip", " \t")
_SECRET_NAMES = frozenset({"authorization", "proxy-authorization"})


class Headers:
    """Header fields in the order they came; a name may occur several times.

    Names compare in any case (RFC 2326 §12, RFC 2068 §4.2) and keep the spelling they came with.
    Values hold no line breaks and no blanks at either end.
    """

    __slots__ = ("_fields", "_first")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[tuple[str, str]] = []
        # The first value of each name in lower case, once somebody has asked for one.
        self._first: dict[str, str] | None = None
        if fields:
            self.extend(fields)

    @classmethod
    def of(cls, fields: list[tuple[str, str]]) -> "Headers":
        """Return headers of fields that a parser has checked already."""
        headers = cls.__new__(cls)
        headers._fields = fields
        headers._first = None  # noqa: SLF001 - of its own kind
        return headers

    @classmethod
    def parse(
        cls,
        block: bytes,
        *,
        offset: int = 0,
        max_count: int = 100,
        max_items: int = 100,
        crlf: bool = False,
    ) -> "Headers":
        """Read header lines, each ended by CRLF or LF, without the empty line that ends them.

        Args:
            block: the lines. A line that starts with a blank continues the one before.
            offset: position of the block in its stream, for the errors.
            max_count: how many lines are taken at most.
            max_items: how many commas, semicolons and quotes a value may have.
            crlf: the message's first line ended with CRLF, see `quirks.continues_line_before`.

        Raises:
            ProtocolError: 400, with the position of the line at fault.
            LimitExceeded: 400, there are too many lines or items.
        """
        headers = cls()
        count = 0
        fields = headers._fields
        block_offset = offset
        for line in block.split(b"\n"):
            line_offset = offset
            offset += len(line) + 1
            line = line[:-1] if line.endswith(b"\r") else line
            if not line:
                continue
            if control := _CONTROL_BYTE.search(line):
                raise ProtocolError(
                    f"control character {control[0][0]:#04x}",
                    where="header line",
                    offset=line_offset + control.start(),
                )
            count += 1
            if count > max_count:
                raise LimitExceeded(
                    f"more than {max_count} header lines",
                    limit="max_header_count",
                    status=400,
                    where="header line",
                    offset=line_offset,
                )
            raw_name, colon, raw_value = line.partition(b":")
            if line[0] in b" \t" or (
                not colon and crlf and continues_line_before(block, line_offset - block_offset)
            ):
                if not fields:
                    raise ProtocolError(
                        "continuation line without a header before it",
                        where="header line",
                        offset=line_offset,
                    )
                name, value = fields[-1]
                fields[-1] = (name, f"{value} {_decoded(line)}".strip())
                continue
            raw_name = raw_name.rstrip(b" \t")
            if not colon or not _NAME_BYTES.fullmatch(raw_name):
                raise ProtocolError(
                    "a header line needs a name, a colon and a value",
                    where="header line",
                    offset=line_offset,
                )
            fields.append((raw_name.decode("ascii"), _decoded(raw_value)))
        for name, value in fields:
            # A short value needs no counting.
            if len(value) > max_items and sum(map(value.count, ',;"')) > max_items:
                raise LimitExceeded(
                    f"more than {max_items} commas, semicolons and quotes",
                    limit="max_header_items",
                    status=400,
                    where=name,
                    offset=block_offset,
                )
        return headers

    @overload
    def get(self, name: str, default: str) -> str: ...

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of the name, or the default."""
        first = self.by_name if self._first is None else self._first
        return first.get(name.lower(), default)

    @property
    def by_name(self) -> Mapping[str, str]:
        """The first value of each name, by the name in lower case."""
        first = self._first
        if first is None:
            fields = self._fields
            first = self._first = _by_name(fields)
            if len(first) < len(fields):
                # The last value of a name is what a dict keeps.
                first = self._first = _by_name(fields[::-1])
        return first

    def get_all(self, name: str) -> list[str]:
        """Return every value of the name, in order."""
        lowered = name.lower()
        return [value for key, value in self._fields if key.lower() == lowered]

    def get_list(self, name: str) -> str:
        """Return every value of the name as one list with commas; empty without one.

        RFC 2068 §4.2: several fields of one name mean the same as one with a list.
        """
        first = self.by_name if self._first is None else self._first
        if len(first) == len(self._fields):
            return first.get(name.lower(), "")
        return ", ".join(filter(None, self.get_all(name)))

    def add(self, name: str, value: str) -> None:
        """Append a field, beside others of the same name.

        Raises:
            ProtocolError: the name is no token or the value holds a control character; the
                fault is LOCAL and the status 500.
        """
        self.extend(((name, value),))

    def extend(self, fields: Iterable[tuple[str, str]]) -> None:
        """Append several fields.

        Raises:
            ProtocolError: as `add`.
        """
        fields = tuple(fields)
        names, values = map(_name_of, fields), tuple(map(_value_of, fields))
        if _UNSAFE_VALUE.search("".join(values)):
            raise _unsafe_value(fields)
        self._first = None
        self._fields += zip(map(_checked_name, names), map(_stripped, values), strict=True)

    def set(self, name: str, value: str) -> None:
        """Give the name this one value, at the place of its first occurrence.

        Raises:
            ProtocolError: as `add`.
        """
        lowered, before = name.lower(), self._fields
        place = next((at for at, (key, _) in enumerate(before) if key.lower() == lowered), None)
        self.add(name, value)
        if place is not None:
            field = self._fields.pop()
            kept = [other for other in before[place + 1 :] if other[0].lower() != lowered]
            self._fields[place:] = [field, *kept]

    def remove(self, name: str) -> None:
        """Drop every field of the name; none there is fine."""
        lowered = name.lower()
        self._first = None
        self._fields = [field for field in self._fields if field[0].lower() != lowered]

    def items(self) -> list[tuple[str, str]]:
        """Return (name, value) pairs in order, names as they were spelt."""
        return self._fields.copy()

    def copy(self) -> "Headers":
        """Return headers of their own with the same fields."""
        return Headers.of(self._fields.copy())

    def to_bytes(self) -> bytes:
        """Return the lines as they go on the wire, each with its CRLF, UTF-8 (RFC 2326 §4)."""
        lines = map(": ".join, self._fields)
        return "\r\n".join([*lines, ""]).encode()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in map(str.lower, map(_name_of, self._fields))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items())

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return _comparable(self._fields) == _comparable(other._fields)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [
            (name, "…" if name.lower() in _SECRET_NAMES else value) for name, value in self._fields
        ]
        return f"Headers({shown!r})"


def _by_name(fields: list[tuple[str, str]]) -> dict[str, str]:
    return dict(zip(map(str.lower, map(_name_of, fields)), map(_value_of, fields), strict=True))


def _comparable(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in fields]


def _unsafe_value(fields: Iterable[tuple[str, str]]) -> ProtocolError:
    name = next(name for name, value in fields if _UNSAFE_VALUE.search(value))
    return ProtocolError(
        "control character in a header value",
        status=500,
        fault=Fault.LOCAL,
        where=_checked_name(name),
    )


def _decoded(raw: bytes) -> str:
    """Decode a value: UTF-8, or Latin-1 when it is not (old clients send local names so)."""
    raw = raw.strip(b" \t")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@lru_cache(maxsize=256)
def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ProtocolError(
            f"{name!r} is not a header name", status=500, fault=Fault.LOCAL, where="header name"
        )
    return name
