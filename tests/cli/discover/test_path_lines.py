"""Sections of the configuration file, made from what strangers called their devices."""

from __future__ import annotations

import tomllib

import pytest

from headwater import OnvifDevice, OnvifState, OnvifStream
from headwater.cli.discover.path_lines import path_lines


def device(name: str, *streams: str, model: str = "", host: str = "192.0.2.20") -> OnvifDevice:
    return OnvifDevice(
        host=host,
        service_url=f"http://{host}/onvif/device_service",
        state=OnvifState.TOLD,
        name=name,
        model=model,
        streams=tuple(
            OnvifStream(profile=str(number), name=stream, url=f"rtsp://{host}/{number}")
            for number, stream in enumerate(streams)
        ),
    )


@pytest.mark.parametrize(
    ("devices", "names"),
    [
        ([device("Front Door", "main")], ["front-door"]),
        ([device("Front Door", "main", "sub")], ["front-door/main", "front-door/sub"]),
        ([device("x", "main", "main")], ["x/main", "x/main-2"]),
        ([device("x", "a"), device("X!", "a"), device("x", "a")], ["x", "x-2", "x-3"]),
        ([device("", "a", model="DS 2")], ["ds-2"]),
        ([device("门", "a")], ["192-0-2-20"]),
        ([device("", "a", host="ä")], ["camera"]),
        ([device('a"]\n[log', "../..", "**")], ["a-log/0", "a-log/1"]),
        ([device("x" * 99, "a")], ["x" * 40]),
        ([device("none")], []),
        ([], []),
    ],
)
def test_names(devices: list[OnvifDevice], names: list[str]) -> None:
    sections = tomllib.loads("\n".join(path_lines(devices, ""))).get("paths", {})
    assert list(sections) == names


@pytest.mark.parametrize(
    ("user", "source"),
    [
        ("", "rtsp://192.0.2.20/0"),
        ("admin", "rtsp://admin:${CAMERA_PASSWORD}@192.0.2.20/0"),
        ("a@b:c/$", "rtsp://a%40b%3Ac%2F%24:${CAMERA_PASSWORD}@192.0.2.20/0"),
    ],
)
def test_who_logs_in(user: str, source: str) -> None:
    lines = list(path_lines([device("x", "a")], user))
    assert tomllib.loads("\n".join(lines))["paths"]["x"] == {"source": source}
    assert lines[0].startswith("# CAMERA_PASSWORD") is bool(user)
