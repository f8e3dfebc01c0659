"""The programs of docs/in-your-program.md, each run as the page says and used by a real camera."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from snippets import snippets

av = pytest.importorskip("av")


def program(framework: str) -> str:
    """The text of the page for one framework."""
    (snippet,) = [each for each in snippets("python") if each.framework == framework]
    return snippet.code


def asked(url: str, method: str = "GET") -> Any:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_fastapi(run_code: Any, watch: Any, free_port_numbers: Any) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    (web_port,) = free_port_numbers(1)
    example = run_code(program("fastapi").replace("8000", str(web_port)))
    web = f"http://127.0.0.1:{web_port}"
    camera = example.publish(example.publish_url("/stream1"))
    assert watch(example.publish_url("/stream1")) == 10
    assert list(asked(f"{web}/streams")) == ["/stream1"]
    assert asked(f"{web}/status")["mounts"][0]["path"] == "/stream1"
    assert example.publish(example.publish_url("/other")).wait(20) == 1
    asked(f"{web}/streams/stream1", "DELETE")
    assert camera.wait(20) == 1
    assert asked(f"{web}/streams") == {}
    example.stop()
    assert "Traceback" not in example.said
    assert "Application shutdown complete" in example.said


def test_django(run_code: Any, watch: Any, tmp_path: Path) -> None:
    pytest.importorskip("django")
    manage = [sys.executable, "manage.py"]
    steps = [
        [sys.executable, "-m", "django", "startproject", "site1", "."],
        [*manage, "startapp", "cameras"],
        [*manage, "migrate"],
        [*manage, "createsuperuser", "--noinput"],
    ]
    user = {"USERNAME": "ann", "PASSWORD": "secret", "EMAIL": "ann@example.org"}
    environment = os.environ | {f"DJANGO_SUPERUSER_{key}": text for key, text in user.items()}
    for step in steps:
        subprocess.run(step, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)
    settings = tmp_path / "site1" / "settings.py"
    settings.write_text(settings.read_text() + "\nINSTALLED_APPS.append('cameras')\n")
    folder = tmp_path / "cameras" / "management" / "commands"
    folder.mkdir(parents=True)
    example = run_code(
        program("django"),
        place=folder / "rtsp.py",
        command=[sys.executable, str(tmp_path / "manage.py"), "rtsp"],
    )
    assert example.publish(example.publish_url("/stream1", user="ann:wrong@")).wait(20) == 1
    example.publish(example.publish_url("/stream1", user="ann:secret@"))
    assert watch(example.publish_url("/stream1", user="ann:secret@")) == 10
    assert example.stop() == 0
    assert "Traceback" not in example.said
