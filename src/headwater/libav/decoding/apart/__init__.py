"""A decoder in a process of its own: what it does wrong harms nobody else."""
