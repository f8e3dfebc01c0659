"""Sources that are processes: the owner's programs, and our own that reads what PyAV opens.

Each process publishes to a door of its own, a port on loopback that lives as long as it does. What
a process does wrong costs its path alone.
"""
