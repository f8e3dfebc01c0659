"""CSeq: the number that ties an answer to its request (RFC 2326 §12.17)."""

import re

_CSEQ = re.compile(r"[0-9]{1,10}")


def parse_cseq(value: str | None) -> int | None:
    """Return the sequence number, or None when it is absent or no number of up to 10 digits."""
    if value is None or not _CSEQ.fullmatch(value):
        return None
    return int(value)
