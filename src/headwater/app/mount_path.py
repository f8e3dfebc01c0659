"""How programs write the path of a mount."""


def rooted(path: str) -> str:
    """Return the path as mounts have it: a slash in front, and none behind."""
    return "/" + path.strip("/")
