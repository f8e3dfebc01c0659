"""Packets to access units and back, parameter sets, fMP4: pure, and only for who needs pictures.

The relay's own path never comes here: it passes bytes through. What makes something else of the
packets (browsers, segments, files, decoded pictures) takes one depacketizer for a track of a mount,
for as long as it needs one: `depacketizers.depacketizer_for`.
"""
