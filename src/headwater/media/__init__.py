"""The data plane: mounts, tracks, batches, fan-out. No sockets and no event loop in here."""
