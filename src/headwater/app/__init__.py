"""The one place that builds a whole server out of the rooms below."""
