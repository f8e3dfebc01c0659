"""The readers of a mount: who waits, who catches up, who is live, and what a slow one gets."""
