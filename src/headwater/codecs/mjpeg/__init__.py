"""JPEG in RTP (RFC 2435): packets to whole JPEG files."""
