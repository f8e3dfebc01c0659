"""XML of a device, which may be a trap: no document types, no entities, not without end."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

MOST_BYTES = 1 << 20
"""The longest document that is read: an NVR of 64 channels tells half of it."""
MOST_TAGS = 65_536
"""More than fit into so many bytes if they say anything: a tag costs more time than its bytes."""


def parsed(document: bytes) -> Element | None:
    """Return the root of a document; None for one that is no XML, too long, or a trap."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(document) > MOST_BYTES or document.count(b"<") > MOST_TAGS:
        return None
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        # A document's own encoding may be none that Python knows.
        return None
    return root


def local_name(element: Element) -> str:
    """Return an element's name without its namespace: devices use several for the same."""
    return str(element.tag).rpartition("}")[2]


def every(element: Element | None, name: str) -> Iterator[Element]:
    """Yield all elements of a name below an element, in their order."""
    for each in element.iter() if element is not None else ():
        if each is not element and local_name(each) == name:
            yield each


def first(element: Element | None, *path: str) -> Element | None:
    """Return the first element that is reached by these names, each anywhere below the last."""
    for name in path:
        element = next(every(element, name), None)
    return element


def text(element: Element | None, *path: str) -> str:
    """Return the text of the first element that is reached by these names; empty if none is."""
    found = first(element, *path)
    return "" if found is None else (found.text or "").strip()


def whole_number(element: Element | None, *path: str) -> int:
    """Return the number that an element holds; 0 for none, and for what is no such number."""
    digits = text(element, *path)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else 0
