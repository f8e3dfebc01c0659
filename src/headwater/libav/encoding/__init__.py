"""Pictures and sound that a program makes, encoded and published (PyAV)."""
