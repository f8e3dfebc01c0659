"""H.265 in RTP (RFC 7798): packets to access units and back, and what its parameter sets say."""
