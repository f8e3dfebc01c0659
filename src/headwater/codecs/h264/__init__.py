"""H.264 in RTP (RFC 6184): packets to access units and back, and what its parameter sets say."""
