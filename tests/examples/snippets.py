"""The snippets of the pages, and what is done with each: it is run, or a reason says why not."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<'?(\w+)'?")

RUN_BY_TESTS = frozenset({"headwater"})
RUN_BY_INTEROP = frozenset({"ffmpeg", "gst-launch-1.0"})

NOT_RUN_LANGUAGES = {
    "": "a picture or a message, nothing to run",
    "text": "what a program prints",
    "json": "a log line; tests/cli/test_logs.py has the server write the same",
    "typescript": "the program of another server, beside ours",
    "js": "a page's script; tests/interop/whep_page.html is one that a browser runs",
    "html": "a page of the reader's; tests/interop/test_player.py shows the player in one",
    "yaml": "another program's configuration",
    "dockerfile": "a line of a container file; the image's own is checked in tests/packaging",
}
NOT_RUN_PROGRAMS = {
    "django-admin": "tests/examples/test_in_your_program.py makes a project",
    "mkdir": "test_in_your_program.py makes the folder",
    "curl": "test_in_your_program.py asks the page",
    "make": "a verb; CI calls the same ones",
    "pip": "installs; tests/cli/test_wheel.py installs the package into a fresh environment",
    "/opt/headwater/bin/pip": "as pip",
    "python3": "makes an environment, as test_wheel does",
    "/opt/headwater/bin/headwater": "the installed command",
    "/opt/headwater-next/bin/pip": "as pip",
    "/opt/headwater-next/bin/headwater": "the installed command",
    "openssl": "the snippets of its page are run with what it makes",
    "podman": "needs a container engine; tests/packaging checks what is built",
    "install": "changes the machine; tests/packaging checks that the files are there",
    "systemctl": "changes the machine",
    "journalctl": "needs a machine that runs systemd",
    "systemd-sysusers": "changes the machine; tests/packaging has it run without effect",
    "sysctl": "changes the machine",
    "ffplay": "opens a window; ffmpeg's own commands run",
    "vlc": "opens a window; tests/interop/test_matrix.py plays with it",
    "gst-play-1.0": "opens a window; gst-launch-1.0's commands run",
    "python": "an input that fuzzing found; an example, which test_examples.py runs",
    "export": "sets variables for the commands after it",
    "redis-server": "tests/interop/test_cluster.py runs one, with nodes",
    "perf": "needs rights over the machine",
    "py-spy": "needs rights over the machine",
    "echo": "needs jq and nc; tests/control asks the socket the same question",
}
NOT_RUN_COMMANDS = {
    # By what they begin with, where the program itself is run.
    "headwater demo": "tests/cli/test_demo_command.py runs it",
    "headwater publish rtsp://camera.local": "names a camera; tests/cli/publish fetches from one",
    "headwater discover": "asks the network; test_discover_command.py asks on loopback",
    "headwater relay": "runs until Ctrl-C; tests/cli/relay runs it with a fake camera",
    "headwater snapshot": "names a camera; test_snapshot_command.py plays one on loopback",
    "headwater serve --publish-port 855": "a node; tests/interop/test_cluster.py runs three",
    "headwater cluster": "asks a cluster; tests/cli/commands/test_cluster_command.py asks one",
    "headwater probe": "names a camera; test_probe_command.py plays one on loopback",
    "headwater hash-password": "asks for a password; tests/cli/test_password_command.py gives one",
    "ffmpeg -f v4l2": "needs a webcam",
    "ffmpeg -rtsp_transport udp_multicast": "tests/interop/test_multicast.py runs it in a network",
}
NOT_RUN_ENDINGS = {
    "@127.0.0.1:8554/cameras/gate": "needs TLS, as tests/interop/test_rtsps.py has it",
    "# publishes to one": "to a node of a cluster; tests/interop/test_cluster.py does",
    "autovideosink": "opens a window",
    "filesink location=recording.mkv": "tests/interop/test_multicast.py runs it in a network",
}
WHOLE_PROGRAMS = {
    "fastapi": "tests/examples/test_in_your_program.py runs it and asks its pages",
    "headwater import discover": "asks the network; tests/onvif/test_discover.py asks on loopback",
    "headwater import probe": "names a camera; tests/client/probe plays some on loopback",
    "django": "tests/examples/test_in_your_program.py makes a project and puts it in",
}
"""Snippets that import these modules are parts of a program that serves the web as well."""

INTEROP_MODULES = ("cv2",)
"""What `make interop` installs and `make test` does not."""


@dataclass(frozen=True)
class Snippet:
    """One fenced block of a page."""

    page: str
    number: int
    language: str
    code: str

    @property
    def needs(self) -> list[str]:
        """The modules of `make interop` that a Python snippet imports."""
        return [name for name in INTEROP_MODULES if f"import {name}\n" in self.code]

    @property
    def framework(self) -> str:
        """The module of `WHOLE_PROGRAMS` that it imports, or nothing."""
        return next((name for name in WHOLE_PROGRAMS if f"\nfrom {name}" in self.code), "")

    @property
    def is_test(self) -> bool:
        """Whether pytest is to run it."""
        return "\ndef test_" in self.code

    def __str__(self) -> str:
        return f"{self.page}-{self.number}-{self.language or 'plain'}"


@dataclass(frozen=True)
class Command:
    """One command of a console block, and what the page says it prints."""

    snippet: Snippet
    text: str
    output: str

    @property
    def program(self) -> str:
        words = [word for word in shlex.split(self.text, comments=True) if "=" not in word]
        return words[0] if words else ""

    @property
    def reason(self) -> str:
        """Why it is not run; empty when it is."""
        if reason := NOT_RUN_PROGRAMS.get(self.program):
            return reason
        for part, reason in NOT_RUN_COMMANDS.items():
            if self.text.startswith(part):
                return reason
        for part, reason in NOT_RUN_ENDINGS.items():
            if self.text.endswith(part):
                return reason
        return ""

    def __str__(self) -> str:
        return f"{self.snippet.page}-{self.text[:40]}"


def snippets(*languages: str) -> Iterator[Snippet]:
    """The blocks of all pages in these languages, or all of them."""
    for page in PAGES:
        blocks = _FENCE.findall(page.read_text(encoding="utf-8"))
        for number, (indent, language, code) in enumerate(blocks, start=1):
            if not languages or language in languages:
                code = re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)
                yield Snippet(page.name, number, language, code)


def commands() -> Iterator[Command]:
    """The commands of all console blocks, in order."""
    for snippet in snippets("console"):
        yield from _commands_of(snippet, prompts=("$ ", "# "))
    for snippet in snippets("sh"):
        for line in snippet.code.splitlines():
            yield Command(snippet, line, "")


def _commands_of(snippet: Snippet, prompts: tuple[str, ...]) -> Iterator[Command]:
    lines = snippet.code.splitlines()
    while lines:
        line = lines.pop(0)
        if not line.startswith(prompts):
            continue
        text = line[2:]
        while text.endswith("\\"):
            text = f"{text[:-1]}{lines.pop(0).strip()}"
        if here := _HERE_DOCUMENT.search(text):
            while lines.pop(0) != here[1]:
                pass
        output = []
        while lines and not lines[0].startswith(prompts):
            output.append(lines.pop(0))
        yield Command(snippet, text, "\n".join(output))
