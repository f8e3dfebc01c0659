"""The server in a program without asyncio: it runs on a thread of its own."""

import time

from headwater import ThreadedRtspServer


def main() -> None:
    with ThreadedRtspServer(publish_port=5554, play_port=6554) as server:
        print("publish to", server.publish_url("/stream1"))
        try:
            while True:
                time.sleep(1)
                for path, mount in server.mounts.items():
                    packets = sum(track.packets for track in mount.tracks)
                    print(f"{path}: {packets} packets, {len(mount.readers)} readers")
        except KeyboardInterrupt:
            print("stopping")


if __name__ == "__main__":
    main()
