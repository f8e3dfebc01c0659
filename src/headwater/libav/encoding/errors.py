"""What a program that gives frames may have to catch."""

from headwater.libav.decoding.errors import FramesError


class EncoderMissing(FramesError):  # noqa: N818 - read as what happened
    """Nothing here can encode what is asked for; the message says what was tried."""


class PublisherEnded(FramesError):  # noqa: N818 - read as what happened
    """Nothing more can be published: the mount was closed, or another publisher has it."""
