"""The process that watches: what `headwater publish` becomes once its options are read.

`python -m headwater.cli.publish DESCRIPTOR` is run by `handover.py` alone: the URLs,
which may hold passwords, are then in no list of processes.
"""

import sys

from headwater.cli.process.event_loop import LoopChoice, run_until_signalled
from headwater.cli.process.handover import carry_out
from headwater.cli.publish.display import Display
from headwater.cli.publish.order import PublishOrder
from headwater.cli.publish.watch import publish


def publish_until_signalled(order: PublishOrder) -> None:
    """Publish until all is sent or a signal comes; raises CommandFailed when it cannot go on."""
    display = Display(sys.stderr, quiet=order.quiet)
    run_until_signalled(lambda stop_asked: publish(order, stop_asked, display), LoopChoice.ASYNCIO)


if __name__ == "__main__":
    carry_out(PublishOrder, publish_until_signalled)
