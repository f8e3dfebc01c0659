"""What the server asks and tells the owner's own web servers: keys, rights, and what happens."""
