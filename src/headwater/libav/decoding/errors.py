"""What a program that asks for frames may have to catch."""


class FramesError(Exception):
    """Frames cannot be had; the message says of what, why, and what to do."""


class FrameTimeout(FramesError, TimeoutError):  # noqa: N818 - read as what happened
    """No frame came in time. The source may return: asking again is allowed."""


class SourceEnded(FramesError):  # noqa: N818 - read as what happened
    """No frame will come any more: the mount was closed for good, or its server stopped."""


class NotDecodable(FramesError):  # noqa: N818 - read as what happened
    """The mount has no track that can be decoded as was asked."""


class DecoderDied(Exception):  # noqa: N818 - read as what happened
    """The process of a decoder is gone; another one may do what it did. Programs never see it."""
