"""What kind of terminal there is."""

import os
from typing import TextIO


def takes_colours(stream: TextIO) -> bool:
    """Return whether what is written to the stream may be coloured."""
    # https://no-color.org: any value that is not empty means no colours.
    return stream.isatty() and not os.environ.get("NO_COLOR")


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
