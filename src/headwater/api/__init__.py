"""The API for programs and the metrics: what is live, and a small set of actions on it."""
