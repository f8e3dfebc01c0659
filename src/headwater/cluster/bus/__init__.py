"""How a process takes a mount from another one of the same machine: whole batches, unparsed."""
