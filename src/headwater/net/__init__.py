"""Sockets, and nothing of RTSP: streams, datagrams, ports, TLS, kernel features.

Every class takes an event loop and uses only what `EventLoop` says, so the selector loops of all
platforms and uvloop work alike, and so does the `SteadyLoop` on top of one of them.
"""
