"""What `headwater discover` prints: a table for people, and lines for the configuration file."""
