"""Failures as a person reads them."""

import errno
import io
import sys
from pathlib import Path

import pytest

from headwater.cli.failures import (
    CommandFailed,
    cannot_listen,
    config_refused,
    file_unreadable,
    media_extra_missing,
    show,
)
from headwater.config.errors import ConfigError, ConfigFault
from headwater.net.errors import HostUnknownError, SettingPortError


@pytest.mark.parametrize(
    ("number", "message", "remedy"),
    [
        (errno.EADDRINUSE, "port 8554 in use: Address already in use", "--port"),
        (errno.EACCES, "not allowed to listen on port 8554: Permission denied", "below 1024"),
        (
            errno.EADDRNOTAVAIL,
            "this machine has no address 1.2.3.4: Cannot assign requested address",
            "--host",
        ),
        (errno.EMFILE, "cannot listen on 1.2.3.4 port 8554: ", ""),
    ],
)
def test_why_a_server_cannot_listen(number: int, message: str, remedy: str) -> None:
    failure = cannot_listen(
        OSError(number, "x"), host="1.2.3.4", ports=(8554,), port_options="--port"
    )
    assert str(failure).startswith(message)
    assert remedy in failure.remedy
    assert failure.exit_code == 1


def test_an_unknown_host_is_told_as_the_server_tells_it() -> None:
    error = HostUnknownError(errno.EADDRNOTAVAIL, "host 'x' is not known here; write another")
    failure = cannot_listen(error, host="x", ports=(8554,), port_options="--port")
    assert (str(failure), failure.remedy) == ("host 'x' is not known here; write another", "")


def test_a_port_of_another_setting_is_named_and_not_those_of_rtsp() -> None:
    taken = OSError(errno.EADDRINUSE, "Address already in use")
    message = "cannot bind UDP port 8189 of 127.0.0.1"
    error = SettingPortError(taken, message, setting="webrtc.port", port=8189)
    failure = cannot_listen(error, host="", ports=(8554,), port_options="--port")
    assert str(failure) == f"{message} (webrtc.port): Address already in use"
    assert failure.remedy.startswith("give webrtc.port another port")
    assert "sport = :8189" in failure.remedy


def test_both_ports_are_named() -> None:
    failure = cannot_listen(
        OSError(errno.EADDRINUSE, "x"), host="", ports=(5554, 6554), port_options="--play-port"
    )
    assert str(failure).startswith("ports 5554, 6554 in use")


def test_a_missing_extra_says_how_to_get_it() -> None:
    failure = media_extra_missing(ModuleNotFoundError("No module named 'av'", name="av"))
    assert str(failure) == "this command needs av, which is not installed"
    assert failure.remedy.startswith("in the folder of Headwater's source: ")
    assert failure.remedy.endswith(f"{sys.executable} -m pip install '.[media]'")


def test_wrong_use_has_its_own_exit_code() -> None:
    unreadable = file_unreadable(Path("a.toml"), OSError(errno.ENOENT, "x", "a.toml"))
    assert (str(unreadable), unreadable.exit_code) == ("a.toml: No such file or directory", 2)
    refused = config_refused(ConfigError((ConfigFault("a.toml", "bad", line=3),)))
    assert (str(refused), refused.exit_code) == ("a.toml:3: bad", 2)


def test_a_failure_is_shown_with_its_remedy_and_as_it_is() -> None:
    stream = io.StringIO()
    failure = CommandFailed("[bold]rtsp://x[/bold] was refused", remedy="try [this]")
    show(failure, stream)
    assert stream.getvalue() == "headwater: [bold]rtsp://x[/bold] was refused\ntry [this]\n"
