"""Players of HLS as readers: parts, segments and playlists (RFC 8216 and its second edition).

They are built only while somebody asks for them, once for all viewers of a mount.
"""
