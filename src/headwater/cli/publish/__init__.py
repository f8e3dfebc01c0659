"""`headwater publish`: one process that watches and tries again, one at a time that sends.

The sender calls libav, whose calls may hang where no signal and no other thread of their process
gets through (Python's lock is held while it announces). So it is a process of its own, which the
watching one ends when it must.
"""
