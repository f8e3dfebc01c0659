"""A client's half of RTSP: its states, login and dialogue with a server, without sockets."""
