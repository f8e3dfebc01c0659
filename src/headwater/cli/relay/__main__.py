"""The process that relays: what `headwater relay` becomes once its options are read.

`python -m headwater.cli.relay DESCRIPTOR` is run by `handover.py` alone: the URLs, which may hold
passwords, are then in no list of processes.
"""

from headwater.cli.process.handover import carry_out
from headwater.cli.relay.order import RelayOrder
from headwater.cli.relay.relaying import relay_until_signalled

if __name__ == "__main__":
    carry_out(RelayOrder, relay_until_signalled)
