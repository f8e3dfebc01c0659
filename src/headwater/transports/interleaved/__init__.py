"""RTP inside the RTSP connection (RFC 2326 §10.12): channels, ingests, outlets and lanes."""
