"""The page of the server for its operators: what is live, and a few things to do about it."""
