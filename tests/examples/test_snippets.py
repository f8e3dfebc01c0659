"""Every snippet of the pages is run as it stands, or a table says why not."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from snippets import (
    NOT_RUN_LANGUAGES,
    NOT_RUN_PROGRAMS,
    ROOT,
    RUN_BY_INTEROP,
    RUN_BY_TESTS,
    WHOLE_PROGRAMS,
    Command,
    Snippet,
    commands,
    snippets,
)

from headwater.config.file import load_settings

av = pytest.importorskip("av")

FreePorts = Callable[[int], list[int]]

LANGUAGES = {"python", "toml", "console", "sh", *NOT_RUN_LANGUAGES}
LONG_ENOUGH_S = 3.0
DEADLINE_S = 60.0
TESTS = [snippet for snippet in snippets("python") if snippet.is_test]
PROGRAMS = [
    snippet
    for snippet in snippets("python")
    if snippet.page != "protocol.md" and not snippet.is_test and not snippet.framework
]
OURS = [each for each in commands() if each.program in RUN_BY_TESTS and not each.reason]
OTHERS = [each for each in commands() if each.program in RUN_BY_INTEROP and not each.reason]


def test_every_language_has_a_class() -> None:
    assert {snippet.language for snippet in snippets()} <= LANGUAGES


def test_every_command_is_run_or_has_a_reason() -> None:
    classes = RUN_BY_TESTS | RUN_BY_INTEROP | set(NOT_RUN_PROGRAMS)
    assert [str(each) for each in commands() if each.program not in classes] == []


def test_every_reason_is_needed() -> None:
    programs = {each.program for each in commands()}
    assert set(NOT_RUN_PROGRAMS) <= programs
    assert set(NOT_RUN_LANGUAGES) <= {snippet.language for snippet in snippets()}
    assert set(WHOLE_PROGRAMS) == {each.framework for each in snippets("python")} - {""}


@pytest.mark.parametrize("snippet", list(snippets("toml")), ids=str)
def test_toml_is_a_good_configuration(snippet: Snippet, tmp_path: Path) -> None:
    path = tmp_path / "snippet.toml"
    path.write_text(with_hashes(snippet.code), encoding="utf-8")
    load_settings(path)


def with_hashes(code: str) -> str:
    """The configuration with whole hashes: the pages abridge them. Any will do."""
    for form, size in (("scrypt$16384$8$1", 64), ("ha1-md5", 32), ("ha1-sha256", 64)):
        salted = "AAAA$" + "A" * 43 + "=" if form.startswith("scrypt") else "0" * size
        code = code.replace(f"{form}$…", f"{form}${salted}")
    assert "…" not in code
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader of the pages works: the project's folders, and a film of two seconds."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("packaging", "examples"):
        (folder / name).symlink_to(ROOT / name)
    with av.open(str(folder / "input.mp4"), "w") as output:
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame(160, 120, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number * 5]) * plane.buffer_size)
            frame.pts = number
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    (folder / "headwater.toml").write_text('[server]\nhost = "127.0.0.1"\npublish_port = 0\n')
    return folder


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    tools = folder / "bin"
    tools.mkdir()
    command = tools / "headwater"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m headwater "$@"\n')
    command.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PATH": path}


@pytest.fixture(scope="module")
def port(environment: dict[str, str], free_port_numbers: FreePorts) -> Iterator[int]:
    """The port of a running server, in place of 8554, with a camera on /stream1."""
    (port,) = free_port_numbers(1)
    serve = ["headwater", "serve", "--host", "127.0.0.1", "--publish-port", str(port)]
    module = [sys.executable, "-m"]
    with contextlib.ExitStack() as running:
        server = subprocess.Popen(
            [*module, *serve], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        running.callback(end, server)
        assert server.stdout is not None
        assert server.stdout.readline().startswith(b"publish to")
        url = f"rtsp://127.0.0.1:{port}/stream1"
        camera = subprocess.Popen([*module, "headwater.libav.camera", url, "tcp"])
        running.callback(end, camera)
        for _ in range(300):
            with contextlib.suppress(av.FFmpegError):
                av.open(url, options={"rtsp_transport": "tcp"}, timeout=20).close()
                break
        yield port


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the steps of the page on users and TLS were taken up to the start."""
    page = "users-and-tls.md"
    folder = tmp_path_factory.mktemp("encrypted")
    steps = [with_hashes(each.code) for each in snippets("toml") if each.page == page]
    (folder / "headwater.toml").write_text("\n".join(steps), encoding="utf-8")
    (makes_certificate,) = [
        each.text
        for each in commands()
        if each.snippet.page == page and each.text.startswith("openssl")
    ]
    subprocess.run(makes_certificate, shell=True, check=True, capture_output=True, cwd=folder)
    return folder


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def run(
    command: list[str], folder: Path, environment: dict[str, str], wait_s: float = LONG_ENOUGH_S
) -> tuple[int | None, str]:
    """The exit code and what was said; None when it still ran, until Ctrl-C, which must end it."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)
            try:
                said, _ = process.communicate(timeout=DEADLINE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            return None, said
    return process.returncode, said


def serve(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The exit code and what was said by a server that gets Ctrl-C once it serves."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("play from"):
                os.killpg(process.pid, signal.SIGINT)
    return process.returncode, said


def with_ports(text: str, port: int) -> str:
    return re.sub(r"\b8554\b", str(port), text)


@pytest.mark.parametrize(
    "snippet",
    [pytest.param(each, marks=[pytest.mark.interop] if each.needs else []) for each in PROGRAMS],
    ids=str,
)
def test_python_runs(
    snippet: Snippet,
    port: int,
    folder: Path,
    environment: dict[str, str],
    free_port_numbers: FreePorts,
) -> None:
    for module in snippet.needs:
        pytest.importorskip(module)
    earlier = [each.code for each in PROGRAMS if each.page == snippet.page]
    earlier = earlier[: earlier.index(snippet.code)]
    publish_port, play_port = free_port_numbers(2)
    for code in (snippet.code, "\n".join([*earlier, snippet.code])):
        if "Server(" in code:
            code = with_ports(code.replace("5554", str(publish_port)), publish_port)
            code = code.replace("6554", str(play_port))
        else:
            # The camera has the path of the page already.
            publishes = 'format="rtsp"' in code
            code = with_ports(code.replace("stream1", "mine") if publishes else code, port)
        # By this name a page calls a program whose functions other processes import.
        (folder / "app.py").write_text(code, encoding="utf-8")
        exit_code, said = run([sys.executable, "-u", "-c", code], folder, environment)
        # Some snippets go on with the names of those before them on their page.
        if "NameError" not in said:
            break
    failed = "Traceback" in said and not said.rstrip().endswith("KeyboardInterrupt")
    assert exit_code in {0, None}, said
    assert not failed, said


@pytest.mark.parametrize("snippet", TESTS, ids=str)
def test_tests_pass(snippet: Snippet, folder: Path, environment: dict[str, str]) -> None:
    path = folder / f"test_{snippet.number}.py"
    path.write_text(snippet.code, encoding="utf-8")
    # Plugins of other tests take two seconds to load.
    absent = ("cacheprovider", "schemathesis", "hypothesispytest")
    options = ["-q", *(word for name in absent for word in ("-p", f"no:{name}"))]
    command = [sys.executable, "-m", "pytest", *options, path.name]
    exit_code, said = run(command, folder, environment, DEADLINE_S)
    assert exit_code == 0, said
    assert " passed" in said
    assert "skipped" not in said


@pytest.mark.parametrize("command", OURS, ids=str)
def test_our_commands_run(
    request: pytest.FixtureRequest,
    command: Command,
    port: int,
    folder: Path,
    environment: dict[str, str],
    free_port_numbers: FreePorts,
) -> None:
    free, for_browsers = free_port_numbers(2)
    serves = "headwater serve" in command.text
    own_port = free if serves else port
    if serves:
        environment = environment | {
            "HEADWATER_SERVER__PUBLISH_PORT": str(free),
            "HEADWATER_WEBRTC__PORT": "0",
        }
    elif command.text.startswith(("headwater status", "headwater reload", "headwater top")):
        # Other servers of this user may run on this machine.
        path = Path(environment["XDG_RUNTIME_DIR"], "headwater", f"status-{port}.sock")
        environment = environment | {"HEADWATER_CONTROL__STATUS_SOCKET": str(path)}
    text = command.text.replace("/stream1", "/another") if " publish " in command.text else ""
    text = with_ports(text or command.text, own_port).replace("8080", str(for_browsers))
    command_line = ["bash", "-c", text]
    if serves:
        if command.snippet.page == "users-and-tls.md":
            folder = request.getfixturevalue("encrypted")
        ended, said = serve(command_line, folder, environment)
        assert ended == 0, said
        assert with_ports(command.output, free) in said
        return
    ends = "check-config" in text or "reload" in text
    wait_s = DEADLINE_S if ends else LONG_ENOUGH_S
    exit_code, said = run(command_line, folder, environment, wait_s)
    if "check-config packaging/headwater.toml" in text:
        # As the page says, it is to be made one's own first: there is no certificate yet.
        assert (exit_code, "No such file or directory" in said) == (2, True), said
        return
    if "headwater reload" in text:
        # The server of these tests has no file; tests/cli/commands/test_reload_command.py has one.
        assert (exit_code, "without a configuration file" in said) == (2, True), said
        return
    assert exit_code in {0, None}, said
    assert "Traceback" not in said


@pytest.mark.interop
@pytest.mark.parametrize("command", OTHERS, ids=str)
def test_commands_of_others_run(
    command: Command, port: int, folder: Path, environment: dict[str, str]
) -> None:
    if shutil.which(command.program) is None:
        pytest.skip(f"needs {command.program}")
    publishes = "-f rtsp" in command.text or "rtspclientsink" in command.text
    text = command.text.replace("/stream1", "/another") if publishes else command.text
    exit_code, said = run(["bash", "-c", with_ports(text, port)], folder, environment)
    assert exit_code in {0, None}, said
    written = command.text.split()[-1]
    if not publishes:
        assert (folder / written).stat().st_size > 0


def test_frames_are_published_at_their_pace(port: int, folder: Path) -> None:
    (snippet,) = [each for each in PROGRAMS if "for number in range(10 * RATE)" in each.code]
    code = with_ports(snippet.code, port).replace("/stream1", "/paced")
    code = code.replace("range(10 * RATE)", "range(2 * RATE)")
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=DEADLINE_S, cwd=folder)
    # Two seconds of pictures, of which the first is sent at once.
    assert time.monotonic() - began_s >= 1.9
