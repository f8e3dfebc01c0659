"""Cameras in the network: found by WS-Discovery, asked for their streams by ONVIF.

What a device says is not trusted: it is bounded in bytes and time, and no device is sent to
another host than the one that answered. Needs the extra `onvif` (httpx, defusedxml).
"""
