"""A server of several processes: the workers, and the supervisor that starts them."""
