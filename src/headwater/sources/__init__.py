"""Sources: what the server fetches by itself to fill a mount, such as a camera.

A kind of source implements `source.Source` and stands in one line of `kinds.KINDS`.
"""
