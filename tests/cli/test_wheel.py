"""The wheel as others get it: installed alone in an empty environment, used by its commands."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT))
    (wheel,) = folder.glob("headwater-*.whl")
    return environment_with(str(wheel), folder / "environment")


def environment_with(requirement: str, environment: Path) -> Path:
    """The `bin` folder of a new environment with one package; our own pip installs into it."""
    venv.create(environment)
    install(requirement, environment / "bin")
    return environment / "bin"


def install(requirement: str, programs: Path) -> None:
    # What is not imported is not compiled: most of it is not.
    options = ("--python", str(programs / "python"), "install", "-q", "--no-compile")
    run(sys.executable, "-m", "pip", *options, requirement)


def run(*command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_help_needs_no_extra(installed: Path) -> None:
    said = run(str(installed / "headwater"), "--help")
    assert "serve" in said
    assert "demo" in said


def test_it_serves(installed: Path) -> None:
    command = [str(installed / "headwater"), "serve", "--publish-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert re.fullmatch(r"publish to +rtsp://127\.0\.0\.1:\d+/NAME\n", first)
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("media", ["demo"]),
        ("media", ["publish", "input.mp4", "rtsp://127.0.0.1:1/stream1"]),
        ("media", ["snapshot", "rtsp://127.0.0.1:1/stream1", "out.jpg"]),
        ("onvif", ["discover", "127.0.0.1"]),
    ],
)
def test_what_needs_an_extra_says_so(installed: Path, extra: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [str(installed / "headwater"), *arguments], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 1
    assert "which is not installed" in done.stderr
    assert f"pip install '.[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_library_loads_the_standard_library_only(installed: Path) -> None:
    program = (
        "import sys; before = set(sys.modules); import headwater; "
        "[getattr(headwater, name) for name in headwater.__all__"
        " if not headwater._HOMES.get(name, '').startswith('headwater.libav.')]; "
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(names - set(sys.stdlib_module_names) - {'headwater'}))"
    )
    assert run(str(installed / "python"), "-c", program) == "[]\n"


def test_the_package_says_that_it_is_typed(installed: Path) -> None:
    program = "import headwater, pathlib; print(pathlib.Path(headwater.__file__).parent)"
    package = Path(run(str(installed / "python"), "-c", program).strip())
    assert (package / "py.typed").exists()


@pytest.fixture(scope="module")
def installed_with_media(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and its media extra."""
    (wheel,) = installed.parent.parent.glob("headwater-*.whl")
    return environment_with(f"{wheel}[media]", tmp_path_factory.mktemp("media") / "environment")


@pytest.mark.timeout(300)
def test_the_demo_needs_nothing_but_the_media_extra(installed_with_media: Path) -> None:
    command = [str(installed_with_media / "headwater"), "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as demo:
        assert demo.stdout is not None
        url = next(line.strip() for line in demo.stdout if line.strip().startswith("rtsp://"))
        watch = (
            "import av, sys\n"
            "with av.open(sys.argv[1], options={'rtsp_transport': 'tcp'}) as player:\n"
            "    kinds = sorted(stream.type for stream in player.streams)\n"
            "    pictures = [next(player.decode(video=0)).width for _ in range(5)]\n"
            "    print(kinds, len(pictures))\n"
        )
        shown = run(str(installed_with_media / "python"), "-c", watch, url)
        assert shown == "['audio', 'video'] 5\n"
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0


@pytest.mark.timeout(300)
def test_every_example_of_the_page_of_frames_runs(installed_with_media: Path) -> None:
    page = (ROOT / "docs" / "frames.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    functions = re.findall(r"^(?:async )?def (\w+)\((?:server|url)\b", page, re.MULTILINE)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(installed_with_media / "python"), str(ROOT / "tests" / "peers" / "frame_examples.py")],
        input=json.dumps(examples),
        capture_output=True,
        text=True,
        cwd="/",
        env=environment,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"headwater {installed_with_media.parent}" in done.stdout
    assert re.findall(r"ran (\w+)\n", done.stdout) == functions
    assert len(functions) > 9


@pytest.mark.timeout(300)
def test_every_example_of_the_page_of_testing_runs(
    installed_with_media: Path, clip: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    tests = re.findall(r"^ *def test_\w+\(", page, re.MULTILINE)
    for number, example in enumerate(examples):
        (tmp_path / f"test_{number}.py").write_text(example, encoding="utf-8")
    shutil.copy(clip, tmp_path / "input.mp4")
    install("pytest", installed_with_media)
    path = os.pathsep.join((str(installed_with_media), os.environ["PATH"]))
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(installed_with_media / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment | {"PATH": path},
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(tests)} passed" in done.stdout
    assert len(tests) > 4
