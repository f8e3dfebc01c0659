"""One target, one file: each has `TARGET`."""
