"""Browsers that come and go at the watched server: players of HLS, and those who are refused."""

from __future__ import annotations

import asyncio
import random
import re

import websockets
from http_peer import HttpPeer

_GONE = ("segment999999.mp4", "part999999.0.mp4", "no-name.mp4")
"""Files that no playlist lists."""
_DEADLINE_S = 20.0


class WebLives:
    """The lives of browsers at one port for HTTP."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self._port = port
        self._random = chance

    async def hls_player(self) -> None:
        """Read playlists and the newest part of each, and ask for what is not there."""
        peer = await HttpPeer.connect(self._port)
        try:
            base = await self._base(peer)
            for _ in range(self._random.randrange(1, 20)):
                answer = await peer.ask(f"{base}live.m3u8")
                assert answer.status == 200, answer
                parts = re.findall(r'#EXT-X-PART:.*URI="([^"]+)"', answer.body.decode())
                if parts:
                    answer = await peer.ask(base + parts[-1])
                    assert answer.status == 200, answer
                answer = await peer.ask(base + self._random.choice(_GONE))
                assert answer.status == 404, answer
                assert answer.problem["code"] == "gone", answer
                await asyncio.sleep(self._random.uniform(0.0, 0.5))
        finally:
            await peer.close()

    async def refused(self) -> None:
        """Ask to watch by MSE without saying what one plays."""
        try:
            async with websockets.connect(f"ws://127.0.0.1:{self._port}/steady/mse") as socket:
                await socket.send(self._random.choice(["no wish", "[]", '{"type": "mse"}']))
                async with asyncio.timeout(_DEADLINE_S):
                    await socket.wait_closed()
                assert socket.close_code in {1006, 1008}, f"MSE closed with {socket.close_code}"
        except websockets.WebSocketException as error:
            raise ConnectionResetError(str(error)) from error

    async def _base(self, peer: HttpPeer) -> str:
        """The folder of a viewer's playlist and parts."""
        answer = await peer.ask("/steady/index.m3u8")
        assert answer.status == 200, answer
        last = answer.body.decode().split()[-1]
        return f"/steady/{last.removesuffix('live.m3u8')}"
