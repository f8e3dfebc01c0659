"""The table of found devices."""

from __future__ import annotations

import pytest
from rich.console import Console

from headwater import OnvifDevice, OnvifState, OnvifStream
from headwater.cli.discover.device_table import device_table

STREAM = OnvifStream(profile="1", name="[b]main", url="rtsp://192.0.2.20/1", encoding="H264")


def drawn(state: OnvifState, problem: str = "", streams: tuple[OnvifStream, ...] = ()) -> str:
    console = Console(width=120)
    found = OnvifDevice(
        host="192.0.2.20",
        service_url="http://192.0.2.20/onvif/device_service",
        state=state,
        problem=problem,
        name="[red]x",
        streams=streams,
    )
    with console.capture() as capture:
        console.print(device_table([found]))
    return capture.get()


def test_what_a_device_is_called_is_no_markup() -> None:
    table = drawn(OnvifState.TOLD, streams=(STREAM,))
    for text in ("192.0.2.20", "[red]x", "[b]main", "H264", "rtsp://192.0.2.20/1"):
        assert text in table


@pytest.mark.parametrize(
    ("state", "problem", "said"),
    [
        (OnvifState.TOLD, "", "offers no streams"),
        (OnvifState.PASSWORD_NEEDED, "x", "asks for a password: give --user"),
        (OnvifState.PASSWORD_REFUSED, "why", "password refused: why"),
        (OnvifState.SILENT, "why", "silent: why"),
    ],
)
def test_a_device_without_streams_says_why(state: OnvifState, problem: str, said: str) -> None:
    assert said in drawn(state, problem)


def test_what_went_wrong_after_some_streams_is_said_too() -> None:
    table = drawn(OnvifState.SILENT, "too late", (STREAM,))
    assert "rtsp://192.0.2.20/1" in table
    assert "silent: too late" in table
