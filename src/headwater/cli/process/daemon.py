"""The process that serves: what `headwater serve` becomes once its options are read.

`python -m headwater.cli.process.daemon DESCRIPTOR` is run by `handover.py` alone.
"""

from headwater.cli.process.handover import carry_out
from headwater.cli.process.serving import ServeOrder, serve_until_signalled


def serve(order: ServeOrder) -> None:
    """Serve until a signal, in this process or with workers; raises CommandFailed."""
    if order.settings.workers.workers == 1:
        serve_until_signalled(order)
    else:
        from headwater.cli.process.supervising import serve_with_workers

        serve_with_workers(order)


if __name__ == "__main__":
    carry_out(ServeOrder, serve)
