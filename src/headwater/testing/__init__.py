"""Cameras, devices and servers for tests of programs that read, publish or look for streams."""
