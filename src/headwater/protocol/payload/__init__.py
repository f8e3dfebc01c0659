"""How codecs' payloads are laid out in RTP packets: the names and places that all rooms share."""
