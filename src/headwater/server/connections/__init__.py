"""RTSP connections: accepted, read, answered, and closed when they keep the server waiting."""
