"""Several processes with one name space: who has which mount, and how one takes it from another."""
