"""Found devices as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from headwater.onvif.found_device import OnvifDevice, OnvifState, OnvifStream

_STYLES = {OnvifState.TOLD: "", OnvifState.PASSWORD_NEEDED: "yellow"}


def device_table(devices: Sequence[OnvifDevice]) -> Table:
    """Return a table with a row for each stream, and one for each device that told none."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("address", overflow="fold")
    table.add_column("camera", overflow="fold")
    table.add_column("stream", overflow="fold")
    table.add_column("picture")
    table.add_column("URL", overflow="fold")
    for device in devices:
        # Text, never markup: a device may be named `[red]`.
        first = [Text(device.host), Text(_camera(device))]
        for stream in device.streams:
            table.add_row(*first, Text(stream.name), Text(_picture(stream)), Text(stream.url))
            first = [Text(""), Text("")]
        if not device.streams or device.problem:
            problem = Text(_problem(device), style=_STYLES.get(device.state, "red"))
            table.add_row(*first, Text(""), Text(""), problem)
    return table


def _camera(device: OnvifDevice) -> str:
    model = " ".join(filter(None, (device.manufacturer, device.model))) or device.hardware
    return "\n".join(filter(None, (device.name, model, device.location)))


def _picture(stream: OnvifStream) -> str:
    size = f"{stream.width}x{stream.height}" if stream.width and stream.height else ""
    rate = f"{stream.frame_rate:g}/s" if stream.frame_rate else ""
    return " ".join(filter(None, (stream.encoding, size, rate)))


def _problem(device: OnvifDevice) -> str:
    if device.state is OnvifState.PASSWORD_NEEDED:
        return "asks for a password: give --user"
    if device.state is OnvifState.TOLD and not device.problem:
        return "offers no streams"
    return f"{device.state}: {device.problem}"
