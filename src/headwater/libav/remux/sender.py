"""The process that sends: `python -m headwater.libav.remux.sender`, run by the watching one alone.

Its standard input holds the order, one line of JSON, and ends when the watching process does; its
standard output is for reports.
"""

import json
import os
import signal
import sys
import threading
from types import FrameType

import av.logging

from headwater.libav.remux.failures import SendingFailed
from headwater.libav.remux.remux import Remux
from headwater.libav.remux.reports import Ended, Report, report_line


def main() -> None:
    """Send until the end, a failure or a signal; the last report says which."""
    # What libav logs tells a refusal's status; it goes into the reasons, not to a person.
    av.logging.set_level(av.logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_watcher, daemon=True).start()
    try:
        Remux(
            order["source"],
            order["url"],
            transport=order["transport"],
            loop=order["loop"],
            on_progress=_say,
        ).run()
    except SendingFailed as failure:
        _say(Ended(failure=str(failure), remedy=failure.remedy))
    except KeyboardInterrupt:
        return
    else:
        _say(Ended())


def _say(report: Report) -> None:
    sys.stdout.write(report_line(report))
    sys.stdout.flush()


def _end_with_the_watcher() -> None:
    """End this process when the watching process is killed."""
    while sys.stdin.read(1):
        pass
    os._exit(1)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End by closing the session; where that takes too long the watching process sees to it."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
