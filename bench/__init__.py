"""Benchmark of RTSP servers: real sessions over UDP and TCP against any server."""
