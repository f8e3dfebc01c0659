"""Decoded pictures and sound of a mount or a URL, for programs (PyAV)."""
