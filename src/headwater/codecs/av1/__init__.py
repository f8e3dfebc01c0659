"""AV1 in RTP (AOMedia's "RTP Payload Format For AV1"): packets to temporal units and back."""
