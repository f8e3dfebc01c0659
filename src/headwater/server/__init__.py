"""The RTSP server: listeners, connections, sessions and one file a method."""
