"""Fuzzing: targets beside the parsers, and a live server under random requests."""
