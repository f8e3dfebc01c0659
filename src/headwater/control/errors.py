"""What can go wrong around the status socket."""


class StatusSocketError(Exception):
    """The status socket cannot be opened; the message says why."""


class RefusedError(Exception):
    """The server did not do what it was asked to; the message says why, a line for each cause."""


class NotReachableError(Exception):
    """Nobody answers on a status socket; `remedy` is what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
