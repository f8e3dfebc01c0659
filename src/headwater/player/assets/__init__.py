"""Scripts and styles of the page, without a build step; `VENDORED.toml` names what others made."""
