"""The process of one worker: `python -m headwater.cli.process.worker_daemon ORDER CONTROL`.

It is run by `worker_process.spawn_worker` alone, with two descriptors.
"""

import socket
import sys

from headwater.cli.failures import CommandFailed, show
from headwater.cli.process.handover import received_order
from headwater.cli.process.worker_process import WorkerOrder, serve_as_worker


def main(arguments: list[str]) -> None:
    """Serve as the order of the first descriptor says, with the supervisor at the second."""
    order = received_order(int(arguments[0]), WorkerOrder)
    control = socket.socket(fileno=int(arguments[1]))
    try:
        serve_as_worker(order, control)
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
