"""Forwards: mounts that a server sends on to other servers, for as long as they are live."""
