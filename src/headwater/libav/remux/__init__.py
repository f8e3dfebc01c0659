"""Send what a file or another server has to an RTSP server, packets as they are."""
