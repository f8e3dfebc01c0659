"""A machine of a cluster: what it holds by the registry, and how it takes mounts from others."""
