"""One track: its packets, its sources and clocks, and their fan-out."""
