"""The process that serves: what `headwater serve` becomes once its options are read.

`python -m headwater.cli.process.daemon DESCRIPTOR` is run by `handover.py` alone.
"""

import sys

from headwater.cli.failures import CommandFailed, show
from headwater.cli.process.handover import received_order
from headwater.cli.process.serving import ServeOrder, serve_until_signalled


def main(arguments: list[str]) -> None:
    """Serve what the descriptor in the arguments holds; exits as `headwater serve` would."""
    order = received_order(int(arguments[0]), ServeOrder)
    try:
        if order.settings.workers.workers == 1:
            serve_until_signalled(order)
        else:
            from headwater.cli.process.supervising import serve_with_workers

            serve_with_workers(order)
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
