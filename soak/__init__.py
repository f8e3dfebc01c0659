"""Churn against a running server for as long as one likes, with a verdict: flat or not."""
