"""The configuration: `settings` (standard library only) and the file and environment that fill it."""
