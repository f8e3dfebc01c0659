"""What a source is: played for a while, measured, and told in numbers and warnings."""
