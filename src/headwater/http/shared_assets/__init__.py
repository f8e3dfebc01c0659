"""Files that stand beside those of each page."""
