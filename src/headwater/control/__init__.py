"""Looking at a running server from outside: read models, the status socket, its client."""
