"""The page of a mount for browsers: a player, what it does and why, and addresses for others."""
