"""RTSP sessions: what they are, how requests find them, how they end."""
