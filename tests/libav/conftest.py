"""What tests of media that is made or remuxed share."""

from film import clip

__all__ = ["clip"]
