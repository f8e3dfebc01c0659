"""Fragmented MP4: what browsers play by MSE and HLS, written for one frame at a time or for many.

A track's access units become samples (`track.Mp4Track`), an initialisation segment says how they
are decoded (`init_segment`), and fragments hold them (`fragments.FragmentWriter`).
"""
