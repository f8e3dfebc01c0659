"""AAC in RTP: as RFC 3640 has it, and in LATM (RFC 6416)."""
