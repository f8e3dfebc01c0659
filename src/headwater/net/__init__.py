"""Sockets, and nothing of RTSP: streams, datagrams, ports, TLS, kernel features.

Every class takes an asyncio event loop and uses only its `add_reader`, `add_writer`, `call_soon`,
`call_later` and `time`, so the selector loops of all platforms and uvloop work alike.
"""
