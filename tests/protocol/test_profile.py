"""Which profiles are SRTP."""

import pytest

from headwater.protocol.profile import names_srtp


@pytest.mark.parametrize(
    ("text", "srtp"),
    [
        ("RTP/SAVP", True),
        ("RTP/SAVPF", True),
        ("rtp/savp/udp", True),
        ("RTP/SAVP/TCP;unicast;interleaved=0-1", True),
        ("UDP/TLS/RTP/SAVPF", True),
        ("TCP/DTLS/RTP/SAVP", True),
        ("SAVP", True),
        ("RTP/AVP", False),
        ("RTP/AVPF", False),
        ("RTP/AVP/TCP", False),
        ("RTP/SAVPX", False),
        ("MP2T/H2221/UDP", False),
        ("", False),
    ],
)
def test_names_srtp(text: str, srtp: bool) -> None:
    assert names_srtp(text) is srtp
