"""A synthetic camera: a moving picture with a clock, a tone, and RTSP to send them by (PyAV)."""
