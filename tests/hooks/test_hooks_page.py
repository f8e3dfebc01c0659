"""The examples of docs/hooks.md run."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.hooks import Allowed, HookRequest, HookRunner, Hooks, Redirect, Refused
from headwater.side import Side

_PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text()
_BLOCKS = re.findall(r"^( *)```python\n(.*?)^ *```$", _PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def names() -> dict[str, Any]:
    """What the page's examples define; the one that needs a whole server is left out."""
    names: dict[str, Any] = {}
    for _, block in _BLOCKS:
        if "RtspServer" not in block:
            exec(textwrap.dedent(block), names)
    return names


def _request(path: str) -> HookRequest:
    return HookRequest(
        method="DESCRIBE",
        uri=f"rtsp://h{path}",
        scheme="rtsp",
        path=path,
        peer=("192.0.2.7", 5),
        side=Side.PLAY,
    )


async def test_the_three_examples(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("authentication", "check_mount", "client_close")
    runner = HookRunner(Hooks.from_object({name: names[name] for name in given}), Side.PLAY)
    assert await runner.authentication("test", "test", _request("/a"))
    assert not await runner.authentication("test", "x", _request("/a"))
    assert await runner.check_mount(_request("/test/1")) == Allowed()
    assert await runner.check_mount(_request("/maintenance")) == Refused(503)
    assert await runner.check_mount(_request("/else")) == Refused(403)
    elsewhere = Redirect("rtsp://archive.example/archive/1")
    assert await runner.check_mount(_request("/archive/1")) == elsewhere
    runner.notify("client_close", SimpleNamespace(path="/a"), SimpleNamespace(id="s"))
    await runner.aclose()
    assert capsys.readouterr().out == "A client has disconnected from /a\n"


async def test_the_registering_example(names: dict[str, Any]) -> None:
    assert repr(names["hooks"]) == "Hooks(authentication, check_mount, mount_now_empty)"
