"""The process that serves: what `headwater serve` becomes once its options are read.

`python -m headwater.cli.daemon DESCRIPTOR` is run by `headwater.cli.handover` alone.
"""

import sys

# structlog imports rich where it is installed, for tracebacks in a form that the log does not
# use; it would keep 4 MB in the server.
sys.modules["rich"] = None  # type: ignore[assignment]

from headwater.cli.failures import CommandFailed, show  # noqa: E402
from headwater.cli.handover import received_order  # noqa: E402
from headwater.cli.serving import ServeOrder, serve_until_signalled  # noqa: E402


def main(arguments: list[str]) -> None:
    """Serve what the descriptor in the arguments holds; exits as `headwater serve` would."""
    order = received_order(int(arguments[0]), ServeOrder)
    try:
        serve_until_signalled(order)
    except CommandFailed as failure:
        show(failure, sys.stderr)
        sys.exit(failure.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
