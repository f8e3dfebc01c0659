"""Where media meets sockets: readers and publishers over TCP, UDP and multicast."""
