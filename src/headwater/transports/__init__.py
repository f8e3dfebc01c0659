"""Where media meets sockets: negotiation, and readers and publishers over TCP, UDP and multicast."""
