"""Functions of a program over the frames of a mount, published on another one (PyAV)."""
