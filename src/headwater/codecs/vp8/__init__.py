"""VP8 in RTP (RFC 7741): packets to frames and back."""
