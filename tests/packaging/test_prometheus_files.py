"""The files for Prometheus and Grafana name metrics that there are, and promtool accepts them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from api_peer import ask, publish_many
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, AskSettings, Hooks, HookSettings, WebhookSettings

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "prometheus"
_NAME = re.compile(r"\bheadwater_[a-z_]+")


@pytest.fixture
async def web_with_all(start_web: WebFactory) -> WebServer:
    """A server that has every metric."""
    url = "http://127.0.0.1:9/"
    settings = {
        "access": AccessSettings(ask=AskSettings(url=url), anonymous_publish=("**",)),
        "hooks": HookSettings(webhooks=(WebhookSettings(url=url, events=("source_changed",)),)),
    }

    def on_empty(_mount: object) -> None:
        """Have a hook, so that its times are told."""

    web = await start_web(settings=settings, play_hooks=Hooks(mount_now_empty=on_empty))
    publish_many(web, "/front")
    return web


async def test_they_name_metrics_that_there_are(web_with_all: WebServer) -> None:
    web = web_with_all
    told = (await ask(web, "/metrics")).body.decode()
    metrics = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")}
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    expressions.append((FOLDER / "alerts.yml").read_text())
    named = {name for text in expressions for name in _NAME.findall(text)}
    assert len(named) > 10
    assert {name.removesuffix("_bucket") for name in named} <= metrics


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
async def test_promtool_accepts_rules_and_metrics(web_with_all: WebServer) -> None:
    web = web_with_all
    rules = [shutil.which("promtool") or "", "check", "rules", str(FOLDER / "alerts.yml")]
    assert (await asyncio.to_thread(_run, rules)).returncode == 0
    told = await ask(web, "/metrics")
    check = [rules[0], "check", "metrics"]
    run = await asyncio.to_thread(_run, check, told.body)
    assert run.returncode == 0, run.stdout + run.stderr


def _run(command: list[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=given, capture_output=True)
