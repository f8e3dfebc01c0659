"""The examples that have to do with pictures, each used as its reader would."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import av
import pytest

from headwater import Frame

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
JPEG = b"\xff\xd8\xff"
LATE_S = 20.0


def answered(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=LATE_S) as answer:
        body: bytes = answer.read()
    return body


def test_fastapi_serves_pictures_and_films(
    run_code: Any, watch: Any, free_port_numbers: Any
) -> None:
    pytest.importorskip("fastapi")
    (web_port,) = free_port_numbers(1)
    code = (EXAMPLES / "fastapi_pictures.py").read_text(encoding="utf-8")
    example = run_code(code.replace("8000", str(web_port)))
    web = f"http://127.0.0.1:{web_port}"
    example.publish(example.publish_url("/stream1"))
    assert watch(example.publish_url("/stream1")) == 10
    assert json.loads(answered(f"{web}/mounts")).keys() == {"/stream1"}
    assert '<img src="/film/stream1"' in answered(f"{web}/").decode()
    assert answered(f"{web}/picture/stream1?width=320").startswith(JPEG)
    with urllib.request.urlopen(f"{web}/film/stream1", timeout=LATE_S) as film:
        assert film.headers["Content-Type"] == "multipart/x-mixed-replace;boundary=jpeg"
        for _ in range(2):
            assert film.readline() == b"--jpeg\r\n"
            assert film.readline() == b"Content-Type: image/jpeg\r\n"
            size = int(film.readline().removeprefix(b"Content-Length: "))
            assert film.readline() == b"\r\n"
            assert film.read(size).startswith(JPEG)
            assert film.readline() == b"\r\n"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        answered(f"{web}/picture/nobody")
    example.stop()
    assert "Traceback" not in example.said


def test_uvicorn_reloads_the_program_and_its_server_comes_back(
    run_code: Any, watch: Any, free_port_numbers: Any, tmp_path: Path
) -> None:
    pytest.importorskip("uvicorn")
    (web_port,) = free_port_numbers(1)
    program = tmp_path / "fastapi_pictures.py"
    command = [sys.executable, "-m", "uvicorn", "fastapi_pictures:app", "--port", str(web_port)]
    example = run_code(
        (EXAMPLES / "fastapi_pictures.py").read_text(encoding="utf-8"),
        place=program,
        command=[*command, "--app-dir", str(tmp_path), "--reload", "--reload-dir", str(tmp_path)],
    )
    camera = example.publish(example.publish_url("/stream1"))
    assert watch(example.publish_url("/stream1")) == 10
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace('"/mounts"', '"/paths"'), encoding="utf-8")
    # The reloaded server is another one: its publishers are to publish again.
    assert camera.wait(LATE_S) == 1
    for _ in range(100):
        try:
            assert json.loads(answered(f"http://127.0.0.1:{web_port}/paths")) == {}
            break
        except urllib.error.URLError:
            camera.poll()
    example.publish(example.publish_url("/stream1"))
    assert watch(example.publish_url("/stream1")) == 10
    # Its process ends with the one that watches the files.
    example.stop()
    assert "Traceback" not in example.said


def test_arrays_of_a_callback_become_a_stream(run_example: Any, watch: Any) -> None:
    example = run_example("array_publisher.py")
    assert watch(example.publish_url("/robot"), pictures=20) == 20
    assert example.stop() == 0
    assert example.said.endswith("stopping\n")


def test_what_a_model_finds_is_drawn_and_published(run_example: Any, watch: Any) -> None:
    example = run_example("inference.py")
    example.publish(example.publish_url("/camera"))
    assert watch(example.publish_url("/camera/annotated"), pictures=10) == 10
    with av.open(example.publish_url("/camera/annotated"), timeout=20) as stream:
        picture = next(stream.decode(video=0)).to_ndarray(format="bgr24").astype(int)
    red = (picture[..., 2] > 150) & (picture[..., 1] < 90) & (picture[..., 0] < 90)
    assert red.sum() > 60, "the box is there"
    example.stop()
    assert " pictures published, " in example.said


def test_two_servers_live_in_one_process(run_example: Any, watch: Any) -> None:
    example = run_example("two_servers.py")
    example.publish(example.publish_url("/stream1"))
    assert watch(example.publish_url("/stream1")) == 10
    assert watch(example.play_url("/stream1")) == 10
    example.stop()
    assert example.said.startswith("publish to")


async def run_cell(source: str, names: dict[str, Any]) -> Any:
    """What a cell of a notebook has for its last word, on a loop that runs already."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    parts: list[ast.Module | ast.Expression] = [tree]
    if isinstance(last, ast.Expr):
        parts.append(ast.Expression(last.value))
    value = None
    for part in parts:
        mode = "exec" if isinstance(part, ast.Module) else "eval"
        code = compile(part, "cell", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, names)
        if inspect.iscoroutine(value):
            value = await value
    return value


@pytest.fixture
async def cell_names() -> AsyncIterator[dict[str, Any]]:
    """The names of a notebook; its server is stopped whatever happens."""
    names: dict[str, Any] = {}
    yield names
    if "server" in names:
        await names["server"].stop()


async def test_a_notebook_shows_a_camera(
    cell_names: dict[str, Any], free_port_numbers: Callable[[int], list[int]]
) -> None:
    (port,) = free_port_numbers(1)
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [
        "".join(cell["source"]).replace("8554", str(port))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    assert await run_cell(cells[0], cell_names) is None
    url = cell_names["server"].publish_url("/stream1")
    camera = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "headwater.libav.camera", url, "tcp")
    )
    try:
        frame = await run_cell(cells[1], cell_names)
        assert isinstance(frame, Frame)
        assert frame._repr_jpeg_().startswith(JPEG)
        brightness = await run_cell(cells[2], cell_names)
        assert len(brightness) == 10
        await run_cell(cells[3], cell_names)
        assert not cell_names["server"].running
    finally:
        camera.kill()
        await camera.wait()
