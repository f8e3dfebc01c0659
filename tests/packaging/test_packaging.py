"""What is in packaging/ fits the program that it packages."""

import configparser
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from headwater import RtspServer
from headwater.cli.commands.publish_command import INPUT_VARIABLE, URL_VARIABLE
from headwater.cli.failures import EXIT_CONFIGURATION
from headwater.config.file import load_settings
from headwater.config.settings import Settings
from headwater.net.settings import SocketSettings, TlsSettings
from headwater.server.settings import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
SYSTEMD = PACKAGING / "systemd"
INSTALLED = "/opt/headwater/bin/headwater"


def unit(name: str = "headwater.service") -> dict[str, str]:
    """The keys of a unit's service section; of one that is there twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SYSTEMD / name)
    return dict(parser["Service"])


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile with their arguments, continued lines joined."""
    text = (PACKAGING / "Containerfile").read_text()
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line]


def test_the_example_for_the_internet_is_a_good_configuration() -> None:
    settings = load_settings(PACKAGING / "headwater.toml")
    assert settings.server.tls_only
    assert settings.access.anonymous_read is None
    assert all(user.password.startswith("scrypt$") for user in settings.access.users)
    with pytest.raises(ValueError, match=r"needs tls\.certificate"):
        RtspServer(settings=replace(settings, tls=TlsSettings()))
    RtspServer(settings=settings)


def test_the_service_runs_commands_that_there_are(tmp_path: Path) -> None:
    service = unit()
    for key in ("ExecStart", "ExecStartPre"):
        program, command, *arguments = service[key].split()
        assert program == INSTALLED
        assert arguments[-1] == "/etc/headwater/headwater.toml"
        done = subprocess.run(
            [sys.executable, "-m", "headwater", command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert all(option in done.stdout for option in arguments[:-1])


def test_the_service_of_a_camera_takes_its_urls_from_its_own_file() -> None:
    service = unit("headwater-publish@.service")
    assert service["ExecStart"] == f"{INSTALLED} publish --quiet"
    text = (SYSTEMD / "headwater-publish@.service").read_text()
    for variable in (INPUT_VARIABLE, URL_VARIABLE):
        assert f"#   {variable}=rtsp://" in text
    assert service["RestartPreventExitStatus"] == str(EXIT_CONFIGURATION)
    assert unit()["RestartPreventExitStatus"] == str(EXIT_CONFIGURATION)


def test_the_service_may_open_as_many_files_as_the_limits_ask_for() -> None:
    settings = Settings()
    wanted = settings.limits.connections + settings.rtp.rtp_port_count
    assert int(unit()["LimitNOFILE"]) > wanted


def test_the_kernel_is_asked_for_what_the_defaults_need() -> None:
    text = (SYSTEMD / "sysctl.conf").read_text()
    asked = {key: int(value) for key, value in re.findall(r"(?m)^([\w.]+) = (\d+)$", text)}
    sockets = SocketSettings()
    assert asked == {
        "net.core.rmem_max": sockets.udp_receive_buffer_bytes,
        "net.core.wmem_max": sockets.udp_send_buffer_bytes,
        "net.core.somaxconn": ServerSettings().backlog,
    }


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("name", ["headwater.service", "headwater-publish@.service"])
def test_systemd_finds_nothing_wrong_with_the_unit(name: str, tmp_path: Path) -> None:
    copy = tmp_path / name
    text = (SYSTEMD / name).read_text()
    # What it starts must be there to be verified.
    copy.write_text(text.replace(INSTALLED, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers")
def test_the_user_of_the_service_is_made() -> None:
    done = subprocess.run(
        ["systemd-sysusers", "--dry-run", str(SYSTEMD / "sysusers.conf")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert unit()["User"] == unit()["Group"] == "headwater"
    assert "\nu headwater " in (SYSTEMD / "sysusers.conf").read_text()


def test_the_image_is_built_from_files_that_there_are() -> None:
    ignored = (ROOT / ".dockerignore").read_text()
    sources = [
        name
        for instruction, arguments in instructions()
        if instruction == "COPY" and not arguments.startswith("--from")
        for name in arguments.split()[:-1]
    ]
    assert sources == ["pyproject.toml", "README.md", "LICENSE", "src"]
    for name in sources:
        assert (ROOT / name).exists()
        assert f"!{name}\n" in ignored


def test_the_image_serves_as_a_user_without_rights() -> None:
    last = dict(instructions())
    assert last["USER"] == "headwater"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(last["ENTRYPOINT"]) + json.loads(last["CMD"]) == ["headwater", "serve"]
    order = [instruction for instruction, _ in instructions()]
    assert order.index("USER") < order.index("ENTRYPOINT")
    health = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    assert health == ["headwater", "status", "--check"]


def test_the_ports_of_the_image_are_those_of_its_settings() -> None:
    last = dict(instructions())
    environment = dict(pair.split("=", 1) for pair in last["ENV"].split())
    settings = load_settings(environment=environment)
    first, count = settings.rtp.rtp_port_start, settings.rtp.rtp_port_count
    media = settings.webrtc.port
    assert last["EXPOSE"].split() == [
        f"{settings.server.publish_port}/tcp",
        f"{settings.http.port}/tcp",
        f"{media}/tcp",
        f"{media}/udp",
        f"{first}-{first + count - 1}/udp",
    ]


def test_the_help_of_make_names_verbs_and_variables_that_there_are() -> None:
    text = (ROOT / "Makefile").read_text()
    shown = re.findall(r"(?m)^#   make (\w+)(?:.*? (\w+)=)?", text)
    verbs = text.partition(".PHONY: ")[2].partition("\n")[0].split()
    assert {verb for verb, _ in shown} == {*verbs} - {"help", "clean"}
    assert [name for _, name in shown if name and f"\n{name} ?=" not in text] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("together", "alone", "ends_well"),
    [(0, 0, True), (0, 5, True), (5, 0, True), (5, 5, False), (1, 0, False), (0, 1, False)],
)
def test_interop_fails_where_a_test_fails_or_none_is_chosen(
    tmp_path: Path, together: int, alone: int, ends_well: bool
) -> None:
    # What pytest ends with in either run, instead of the runs.
    pytest_here = tmp_path / "pytest"
    pytest_here.write_text(
        f'#!/bin/sh\ncase "$*" in *"and not alone"*) exit {together};; *) exit {alone};; esac\n'
    )
    pytest_here.chmod(0o755)
    for stamp in ("venv", "test", "interop"):
        (tmp_path / stamp).touch()
    made = subprocess.run(
        ["make", "interop", f"BIN={tmp_path}", f"STAMPS={tmp_path}", "PYTHON=python3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (made.returncode == 0) == ends_well, made.stdout + made.stderr
    assert ("choose no test" in made.stderr) == (together == alone == 5)
