"""The process that relays: what `headwater relay` becomes once its options are read.

`python -m headwater.cli.relay DESCRIPTOR` is run by `handover.py` alone: the URLs, which may hold
passwords, are then in no list of processes.
"""

import sys

from headwater.cli.failures import CommandFailed, show
from headwater.cli.process.handover import received_order
from headwater.cli.relay.order import RelayOrder
from headwater.cli.relay.relaying import relay_until_signalled


def main(arguments: list[str]) -> None:
    """Relay what the descriptor in the arguments holds; exits as `headwater relay` would."""
    order = received_order(int(arguments[0]), RelayOrder)
    try:
        relay_until_signalled(order)
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
