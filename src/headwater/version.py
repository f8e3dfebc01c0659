"""The version, here alone: the wheel, the command and the status all read it from this file.

Not from the installed metadata, since `importlib.metadata` would keep 2 MB in every server.
"""

__version__ = "0.1.0"
