"""What `headwater probe` prints."""
