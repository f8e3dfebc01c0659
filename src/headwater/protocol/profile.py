"""What the profile of a transport, as an `m=` line or a Transport header names it, stands for."""

import re

_SECURE = re.compile(r"(?:^|/)SAVPF?(?![A-Z])", re.IGNORECASE)


def names_srtp(text: str) -> bool:
    """Return whether a profile of SRTP is named: RTP/SAVP (RFC 3711) or RTP/SAVPF (RFC 5124).

    Also where DTLS makes the keys (RFC 5764), and whatever carries them: `UDP/TLS/RTP/SAVPF`.
    """
    return _SECURE.search(text) is not None
