"""`headwater.discover` against devices on loopback that log in truly and err as told."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import pytest

import headwater
from headwater import OnvifState
from headwater.onvif import device_conversation
from headwater.onvif import discover as discover_module
from headwater.onvif.discover import discover
from headwater.testing.onvif_device import (
    MAIN,
    SUB,
    AnswerBody,
    Login,
    NamePlate,
    Oddities,
    OnvifDevice,
    Profile,
)

USER = "admin & <root>"
PASSWORD = 'sécret"&<1>'
WRONG = "not the password"
PROBLEMS = {
    AnswerBody.SILENCE: "no whole answer within 1.5 s",
    AnswerBody.TRICKLE: "no whole answer within 1.5 s",
    AnswerBody.HUGE: "more than 1048576 bytes",
    AnswerBody.COMPRESSED: "compressed",
}
ADDRESSING = "http://www.w3.org/2005/08/addressing"
MAIN_PATH = "/Streaming/Channels/101?transportmode=unicast"


async def ask(device: OnvifDevice, password: str = PASSWORD) -> headwater.OnvifDevice:
    (found,) = await discover(device.service_url, user=USER, password=password)
    return found


def locked(*logins: Login, odd: Oddities | None = None) -> OnvifDevice:
    return OnvifDevice(user=USER, password=PASSWORD, logins=logins, odd=odd)


async def test_a_device_tells_who_it_is_and_its_streams() -> None:
    async with locked(Login.TOKEN) as device:
        found = await ask(device)
    assert (found.state, found.problem) == (OnvifState.TOLD, "")
    assert (found.host, found.service_url) == (device.host, device.service_url)
    assert (found.manufacturer, found.model) == ("Mock & Sons", "M<1>")
    assert (found.firmware, found.serial_number) == ("1.2.3", "SN-0001")
    main, sub = found.streams
    assert main == headwater.OnvifStream(
        profile=MAIN.token,
        name="mainStream",
        url=f"rtsp://127.0.0.1:554{MAIN_PATH}",
        encoding="H265",
        width=2560,
        height=1440,
        frame_rate=25.0,
    )
    assert (sub.encoding, sub.url) == ("H264", "rtsp://127.0.0.1:554/Streaming/Channels/102")


@pytest.mark.parametrize(
    "logins", [[Login.TOKEN], [Login.DIGEST], [Login.TOKEN, Login.DIGEST], []], ids=str
)
async def test_both_ways_to_log_in(logins: list[Login]) -> None:
    async with OnvifDevice(user=USER if logins else "", password=PASSWORD, logins=logins) as device:
        found = await ask(device)
    assert [stream.encoding for stream in found.streams] == ["H265", "H264"]


@pytest.mark.parametrize("ahead_s", [3600.0, -86_400.0])
async def test_tokens_are_of_the_devices_time(ahead_s: float) -> None:
    odd = Oddities(clock_ahead_s=ahead_s, refuses_login_on_clock=True)
    async with locked(Login.TOKEN, odd=odd) as device:
        found = await ask(device)
    assert len(found.streams) == 2
    assert found.clock_offset_s == pytest.approx(ahead_s, abs=5)
    assert device.calls[0].operation == "GetSystemDateAndTime"
    assert device.calls[0].token_complaint == "no token"
    assert {call.token_complaint for call in device.calls[1:]} == {""}


async def test_no_header_but_the_login_is_sent() -> None:
    async with locked(Login.TOKEN, odd=Oddities(refuses_addressing=True)) as device:
        found = await ask(device)
    assert len(found.streams) == 2
    headers = {name for call in device.calls for name in call.headers}
    assert [name.rpartition("}")[2] for name in headers] == ["Security"]
    assert not any(ADDRESSING in name for name in headers)


async def test_a_wrong_password_is_tried_once_each_way_and_no_more() -> None:
    async with locked(Login.TOKEN, Login.DIGEST) as device:
        found = await ask(device, WRONG)
    assert (found.state, found.streams) == (OnvifState.PASSWORD_REFUSED, ())
    refused = [call for call in device.calls if call.operation == "GetDeviceInformation"]
    assert [call.authorization[:6] for call in refused] == ["", "Digest"]
    assert device.operations[-1] == "GetDeviceInformation"


async def test_a_password_is_sent_to_nobody_who_asks_for_it_in_clear() -> None:
    async with locked(Login.BASIC) as device:
        found = await ask(device)
    assert found.state is OnvifState.PASSWORD_REFUSED
    assert {call.authorization for call in device.calls} == {""}


async def test_without_a_password_what_it_tells_anybody_is_told() -> None:
    async with locked(Login.TOKEN) as device:
        (found,) = await discover(device.service_url)
    assert found.state is OnvifState.PASSWORD_NEEDED
    assert found.clock_offset_s is not None


async def test_where_a_device_says_it_is_does_not_count() -> None:
    """A lying device sends nobody elsewhere: host and port are those that answered."""
    with socket.create_server(("127.0.0.2", 0)) as victim:
        port = victim.getsockname()[1]
        odd = Oddities(told_host="127.0.0.2", told_port=port)
        async with locked(Login.TOKEN, odd=odd) as device:
            found = await ask(device)
        victim.setblocking(False)
        with pytest.raises(BlockingIOError):
            victim.accept()
    assert [stream.url for stream in found.streams] == [
        f"rtsp://127.0.0.1:554{MAIN_PATH}",
        "rtsp://127.0.0.1:554/Streaming/Channels/102",
    ]


@pytest.mark.parametrize(
    ("odd", "encodings", "media"),
    [
        (Oddities(), ["H265", "H264"], "ver20"),
        (Oddities(media1=False), ["H265", "H264"], "ver20"),
        (Oddities(media2=False), ["H264"], "ver10"),
        (Oddities(media2=False, services=False), ["H264"], "ver10"),
        (Oddities(services=False), ["H264"], "ver10"),
    ],
)
async def test_media2_comes_first_and_then_media1(
    odd: Oddities, encodings: list[str], media: str
) -> None:
    async with locked(Login.TOKEN, odd=odd) as device:
        found = await ask(device)
    assert [stream.encoding for stream in found.streams] == encodings
    asked = [call.namespace for call in device.calls if call.operation == "GetProfiles"]
    assert [name.split("/")[3] for name in asked] == [media]


async def test_media1_is_asked_where_media2_offers_nothing() -> None:
    odd = Oddities(stream_uris=((MAIN.token, ""), (SUB.token, "")))
    async with locked(Login.TOKEN, odd=odd) as device:
        found = await ask(device)
    asked = [call.namespace for call in device.calls if call.operation == "GetProfiles"]
    assert [name.split("/")[3] for name in asked] == ["ver20", "ver10"]
    assert (found.state, found.streams) == (OnvifState.TOLD, ())


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("rtsp://10.9.9.9/live", "rtsp://127.0.0.1/live"),
        ("rtsp://10.9.9.9:8554/live#x", "rtsp://127.0.0.1:8554/live"),
        ("rtsp://joe:secret@10.9.9.9/live", "rtsp://127.0.0.1/live"),
        ("rtsps://[::1]:322/live", "rtsps://127.0.0.1:322/live"),
        ("rtsp://10.9.9.9", "rtsp://127.0.0.1/"),
        ("http://10.9.9.9/live", None),
        ("file:///etc/passwd", None),
        ("rtsp://10.9.9.9:99999/live", None),
        ('rtsp://10.9.9.9/"\\nsource', None),
        ("rtsp://10.9.9.9/li\u202eve", None),
        ("rtsp://10.9.9.9/" + "x" * 3000, None),
        ("", None),
    ],
)
async def test_stream_uris(told: str, taken: str | None) -> None:
    odd = Oddities(stream_uris=((SUB.token, told),))
    async with OnvifDevice(profiles=(SUB,), odd=odd) as device:
        (found,) = await discover(device.service_url)
    assert [stream.url for stream in found.streams] == ([taken] if taken else [])


@pytest.mark.parametrize("operation", ["", "GetProfiles"])
@pytest.mark.parametrize(
    ("body", "state"),
    [
        (AnswerBody.GARBAGE, OnvifState.UNREADABLE),
        (AnswerBody.NO_HTTP, OnvifState.UNREADABLE),
        (AnswerBody.HUGE, OnvifState.UNREADABLE),
        (AnswerBody.ENTITY_BOMB, OnvifState.UNREADABLE),
        (AnswerBody.DEEP, OnvifState.UNREADABLE),
        (AnswerBody.COMPRESSED, OnvifState.UNREADABLE),
        (AnswerBody.HANG_UP, OnvifState.UNREADABLE),
        (AnswerBody.SILENCE, OnvifState.SILENT),
        (AnswerBody.TRICKLE, OnvifState.SILENT),
    ],
)
async def test_a_device_that_misbehaves_costs_itself_only(
    body: AnswerBody,
    state: OnvifState,
    operation: str,
    free_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discover_module, "ADDRESS_TIMEOUT_S", 6.0)
    odd = Oddities(body=body, body_of=operation)
    async with (
        OnvifDevice(host="127.0.0.3", discovery_port=free_port, odd=odd) as bad,
        OnvifDevice(host="127.0.0.4", discovery_port=free_port) as good,
    ):
        found = await discover(
            interfaces=["127.0.0.1"], wait_s=0.2, call_timeout_s=1.5, discovery_port=free_port
        )
        assert len(bad.operations) == (4 if operation else 1)
    assert [each.host for each in found] == [bad.host, good.host]
    assert (found[0].state, found[0].streams) == (state, ())
    assert PROBLEMS.get(body, "") in found[0].problem
    assert found[0].problem
    assert (found[1].state, len(found[1].streams)) == (OnvifState.TOLD, 2)


async def test_a_named_device_that_is_silent_is_not_found() -> None:
    async with OnvifDevice(odd=Oddities(body=AnswerBody.SILENCE)) as device:
        assert await discover(device.service_url, call_timeout_s=0.2) == []
    assert await discover(device.service_url) == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("waits_for", [0, 1, 200])
@pytest.mark.parametrize("resets", [False, True], ids=["closes", "resets"])
async def test_who_takes_a_connection_and_breaks_it_off_is_there(
    scheme: str, waits_for: int, resets: bool
) -> None:
    """Whatever came of the request till then: a closed port alone is nobody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(waits_for)
        if resets:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (found,) = await discover(f"{scheme}://127.0.0.1:{port}/")
    assert (found.state, found.streams) == (OnvifState.UNREADABLE, ())
    assert "Error" not in found.problem.split()[0]


async def test_an_address_has_a_deadline_for_all_its_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discover_module, "ADDRESS_TIMEOUT_S", 0.5)
    many = tuple(
        Profile(
            token=str(n), name="", encoding="H264", width=1, height=1, frame_rate=1, path=f"/{n}"
        )
        for n in range(100)
    )
    async with OnvifDevice(profiles=many, odd=Oddities(delay_s=0.05)) as device:
        assert await discover(device.service_url) == []
        assert len(device.operations) < 20


async def test_a_device_with_profiles_without_end_is_asked_for_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device_conversation, "MOST_PROFILES", 3)
    many = tuple(
        Profile(
            token=str(n), name="", encoding="H264", width=1, height=1, frame_rate=1, path=f"/{n}"
        )
        for n in range(10)
    )
    async with OnvifDevice(profiles=many) as device:
        (found,) = await discover(device.service_url)
    assert [stream.profile for stream in found.streams] == ["0", "1", "2"]


async def test_what_a_device_calls_itself_is_printable() -> None:
    plate = NamePlate(model="\u202ee\x85vil", serial_number="x" * 5000)
    async with OnvifDevice(plate=plate) as device:
        (found,) = await discover(device.service_url)
    assert found.model == "\\u202ee\\u0085vil"
    assert len(found.serial_number) == 256


@pytest.mark.parametrize("form", ["{host}", "{host}:{port}", "http://{host}:{port}/"])
async def test_one_device_is_asked_directly(form: str, free_port: int) -> None:
    async with OnvifDevice(host="127.0.0.5", discovery_port=free_port) as device:
        target = form.format(host=device.host, port=device.port)
        (found,) = await discover(target, discovery_port=free_port)
        # A host alone tells by a Probe which port it has; no multicast is needed for it.
        assert len(device.probes) == (form == "{host}")
    assert (found.host, found.service_url) == (device.host, device.service_url)
    assert len(found.streams) == 2


async def test_names_stand_for_addresses(free_port: int) -> None:
    async with OnvifDevice(discovery_port=free_port) as device:
        (found,) = await discover("LOCALHOST", discovery_port=free_port)
    assert found.streams[1].url == f"rtsp://localhost:554{SUB.path}"
    assert device.operations[0] == "GetSystemDateAndTime"


@pytest.mark.parametrize(
    "target", ["ftp://127.0.0.1/", "http:///x", "a b", "127.0.0.1:99999", "[::1", "user@"]
)
async def test_a_target_that_is_none(target: str) -> None:
    with pytest.raises(ValueError, match="is neither a host nor"):
        await discover(target)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
async def test_times_that_are_none(seconds: float) -> None:
    with pytest.raises(ValueError, match="wait_s"):
        await discover(wait_s=seconds)
    with pytest.raises(ValueError, match="call_timeout_s"):
        await discover(call_timeout_s=seconds)


async def test_without_the_extra_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover_module, "_PACKAGES", ("no_such_package",))
    with pytest.raises(ImportError, match="install the extra `onvif`"):
        await discover()


async def test_the_name_is_public_and_loads_no_package_of_the_extra() -> None:
    program = "import sys, headwater; headwater.discover; print(sorted(sys.modules))"
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    modules, _ = await done.communicate()
    assert b"'headwater.onvif.discover'" in modules
    assert b"'httpx'" not in modules
    assert b"'defusedxml'" not in modules
