"""The process of one worker: `python -m headwater.cli.process.worker_daemon CONTROL LOOP`.

It is run by `worker_process.spawn_worker` alone: with a descriptor, and the name of an event loop.
"""

import socket
import sys

from headwater.cli.failures import CommandFailed, show
from headwater.cli.process.event_loop import LoopChoice
from headwater.cli.process.worker_process import serve_as_worker


def main(arguments: list[str]) -> None:
    """Serve as the supervisor, which is at the other end of the descriptor, says."""
    try:
        serve_as_worker(socket.socket(fileno=int(arguments[0])), LoopChoice(arguments[1]))
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
