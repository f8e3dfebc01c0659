"""Media that the server itself makes or remuxes: a synthetic camera, files and streams (PyAV)."""
