"""Browsers as readers by Media Source Extensions: fragments of MP4 on a WebSocket.

It carries what WebRTC cannot: AAC, pictures with B-frames, H.265.
"""
