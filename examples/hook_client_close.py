"""Tidy up when a reader leaves: a plain function does as well as an async one."""

import asyncio

from headwater import Hooks, MountSnapshot, RtspServer

hooks = Hooks()


@hooks.client_close
def client_close(mount: MountSnapshot) -> None:
    print(f"a reader has left {mount.path}")


@hooks.mount_now_empty
def mount_now_empty(mount: MountSnapshot) -> None:
    print(f"nobody watches {mount.path} any more")


server = RtspServer(publish_port=5554, play_port=6554, play_hooks=hooks)

if __name__ == "__main__":
    asyncio.run(server.serve_forever())
