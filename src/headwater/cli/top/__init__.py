"""`headwater top`: the dashboard in a terminal."""
