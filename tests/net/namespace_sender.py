"""Run by test_udp_sender_netns.py inside a network namespace: send, and print what was counted.

Arguments: JSON of hosts, ports, batches, packets, packet_bytes, send_buffer_bytes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

from headwater.net.segmentation import plan_runs
from headwater.net.udp_sender import UdpSender


async def main() -> None:
    """Send numbered packets in batches, wait until none is pending."""
    plan = json.loads(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, plan["send_buffer_bytes"])
        sender = UdpSender(sock, asyncio.get_running_loop())
        destinations = [
            sender.add((host, port)) for host in plan["hosts"] for port in plan["ports"]
        ]
        number = 0
        most_pending_bytes = 0
        for _ in range(plan["batches"]):
            packets = []
            for _ in range(plan["packets"]):
                packets.append(number.to_bytes(4, "big") * (plan["packet_bytes"] // 4))
                number += 1
            sender.send(plan_runs(packets))
            most_pending_bytes = max(most_pending_bytes, sender.pending_bytes)
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            while sender.pending_bytes:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
        print(  # noqa: T201
            json.dumps(
                {
                    "stalls": sender.stalls,
                    "sent": sender.sent_packets,
                    "dropped": sender.dropped_packets,
                    "errors": sender.errors,
                    "most_pending_bytes": most_pending_bytes,
                    "segmented": [destination.segmented for destination in destinations],
                    "dropped_each": [destination.dropped_packets for destination in destinations],
                }
            )
        )


asyncio.run(main())
