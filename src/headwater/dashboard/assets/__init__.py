"""Scripts and styles of the dashboard."""
