"""VP9 in RTP (RFC 9628): packets to frames and back."""
