"""A real Prometheus scrapes a server with the files of `packaging/prometheus`, by its rules."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from api_peer import play, publish
from own_ports import own_port
from server_rig import clock, start_server
from web_rig import WebFactory, WebServer, start_web

from headwater.api.settings import ApiSettings, TokenSettings

__all__ = ["clock", "start_server", "start_web"]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus here"),
]

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "prometheus"
TOKEN = "a-token-of-prometheus-1"
PORT = own_port(700)


class Prometheus:
    """A Prometheus that runs."""

    async def ask(self, address: str) -> Any:
        """Return the data of an answer of its API."""
        return await asyncio.to_thread(self._ask, address)

    def _ask(self, address: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{address}", timeout=10) as answer:
            return json.load(answer)["data"]

    async def until(self, address: str, found: Any) -> Any:
        """Ask until an answer has what is looked for; return that."""
        async with asyncio.timeout(60):
            while True:
                try:
                    if result := found(await self.ask(address)):
                        return result
                except OSError:
                    pass  # it has not begun to listen
                await asyncio.sleep(0.2)


@pytest.fixture
async def web(start_web: WebFactory) -> WebServer:
    """A server that a token may look at."""
    token = TokenSettings(name="prometheus", token=TOKEN, look=("**",))
    return await start_web(settings={"api": ApiSettings(tokens=(token,))})


@pytest.fixture
async def prometheus(web: WebServer, tmp_path: Path) -> AsyncIterator[Prometheus]:
    """One that goes by the example, which is changed in its place, pace, and token alone."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    config = (FOLDER / "prometheus.yml").read_text()
    for before, after in (
        ("localhost:8080", f"127.0.0.1:{web.port}"),
        ("15s", "1s"),
        ("/etc/prometheus/headwater.token", str(token)),
    ):
        assert before in config
        config = config.replace(before, after)
    (tmp_path / "prometheus.yml").write_text("global: {evaluation_interval: 1s}\n" + config)
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{PORT}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    yield Prometheus()
    process.terminate()
    await process.wait()


async def test_it_scrapes_and_evaluates_every_rule(web: WebServer, prometheus: Prometheus) -> None:
    publisher = await publish(web, "/front")
    reader = await play(web, "/front")

    async def send() -> None:
        while True:
            await publisher.send()
            await reader.peer.frame()
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    try:
        target = await prometheus.until(
            "/api/v1/targets",
            lambda data: [t for t in data["activeTargets"] if t["health"] != "unknown"],
        )
        assert [(each["health"], each["lastError"]) for each in target] == [("up", "")]
        value = await prometheus.until(
            "/api/v1/query?query=headwater_mount_readers", lambda data: data["result"]
        )
        assert (value[0]["metric"]["path"], value[0]["value"][1]) == ("/front", "1")
        await prometheus.until(
            "/api/v1/query?query=headwater_ingest_to_socket_seconds_count>0",
            lambda data: data["result"],
        )
        rules = await prometheus.until(
            "/api/v1/rules",
            lambda data: [
                rule
                for group in data["groups"]
                for rule in group["rules"]
                if all(each["health"] != "unknown" for each in group["rules"])
            ],
        )
        assert len(rules) == (FOLDER / "alerts.yml").read_text().count("- alert:")
        assert [
            (rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"
        ] == []
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
