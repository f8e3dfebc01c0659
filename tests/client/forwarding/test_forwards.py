"""Mounts are sent on to other servers: real servers on both sides, over every transport."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from inside import inside
from own_ports import own_port
from recording_target import StuckTarget
from rtsp_peer import SDP_VIDEO, RtspPeer, rtp
from sent_all_the_time import DEADLINE_S, published
from server_rig import LoopClock, ServerFactory
from udp_peer import wait_for

from headwater import (
    AccessSettings,
    EndKind,
    ForwardSnapshot,
    ForwardState,
    PacketBatch,
    RtspServer,
    Settings,
    ThreadedRtspServer,
    TlsSettings,
    UserSettings,
)
from headwater.testing.fake_camera import AsyncFakeCamera

SECRET = "p@ss:w/rd"
ACCESS = AccessSettings(users=(UserSettings(name="ann", password=SECRET, publish=("**",)),))


async def state_of(server: RtspServer, state: ForwardState, count: int = 1) -> ForwardSnapshot:
    """Wait until so many forwards are in a state; return the first."""
    await wait_for(lambda: [one.state for one in server.forwards].count(state) == count)
    return next(one for one in server.forwards if one.state is state)


async def tried(server: RtspServer, tries: int) -> None:
    """Wait until the only forward has tried so often and waits."""
    await wait_for(
        lambda: (
            server.forwards[0].tries == tries and server.forwards[0].state is ForwardState.WAITING
        )
    )


async def come(server: RtspServer, path: str, count: int = 30) -> list[bytes]:
    """The next packets on a server's mount."""
    await server.wait_for_mount(path, DEADLINE_S)
    packets: list[bytes] = []
    async with asyncio.timeout(DEADLINE_S), server.read(path) as reader:
        async for _, batch in reader:
            packets += batch.packets
            if len(packets) >= count:
                break
    return packets


def assert_unbroken(packets: list[bytes]) -> None:
    first = struct.unpack_from(">H", packets[0], 2)[0]
    assert packets == [rtp(first + number) for number in range(len(packets))]


@asynccontextmanager
async def counted(server: RtspServer, path: str) -> AsyncIterator[list[bytes]]:
    """What a reader gets meanwhile."""
    packets: list[bytes] = []

    def take(_track: int, batch: PacketBatch) -> None:
        packets.extend(batch.packets)

    reader = server.read(path, take)
    yield packets
    reader.close()


def fingerprint(certificate: TlsSettings) -> str:
    der = ssl.PEM_cert_to_DER_cert(Path(certificate.certificate).read_text())
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("transport", ["auto", "tcp", "udp"])
async def test_a_mount_is_sent_on_while_it_lives(
    start_server: ServerFactory, transport: str
) -> None:
    target = await start_server()
    server = await start_server(
        paths={
            "cam": {
                "forward_to": [target.publish_url("/copy")],
                "forward_transport": transport,
                "grace_s": 0,
            }
        }
    )
    assert server.forwards == ()
    async with published(server):
        assert_unbroken(await come(target, "/copy"))
        forward = await state_of(server, ForwardState.SENDING)
        assert forward.transport == ("udp" if transport == "udp" else "tcp")
        assert (forward.path, forward.tries, forward.error) == ("/cam", 1, "")
        assert forward.sent_packets >= 30
        session = server.sessions[forward.session]
        assert (session.kind, session.role, session.tracks) == (EndKind.CAMERA, "play", (0,))
        assert server.mounts["/cam"].readers[0].id == forward.session
        document: Any = server.status().to_dict()
        assert document["forwards"][0]["state"] == "sending"
    await wait_for(lambda: not target.mounts)
    assert server.forwards == ()


async def test_under_tls_to_a_pinned_certificate(
    start_server: ServerFactory, certificate: TlsSettings
) -> None:
    target = await start_server(settings=Settings(tls=certificate))
    server = await start_server(
        paths={
            "cam": {
                "forward_to": [f"rtsps://127.0.0.1:{target.publish_port}/copy"],
                "forward_fingerprint": fingerprint(certificate),
            }
        }
    )
    async with published(server):
        assert_unbroken(await come(target, "/copy"))
        forward = await state_of(server, ForwardState.SENDING)
        assert inside(target).relay.ends.get(next(iter(target.sessions))) is not None
        assert next(iter(inside(target).relay.ends)).secure
        assert forward.url.startswith("rtsps://")


async def test_every_mount_of_a_pattern_goes_to_its_own_path(start_server: ServerFactory) -> None:
    target = await start_server()
    server = await start_server(
        paths={"cams/*": {"forward_to": [target.publish_url("/from/here") + "/{path}"]}}
    )
    async with published(server, "/cams/a b"), published(server, "/cams/2"), published(server):
        await target.wait_for_mount("/from/here/cams/a b", DEADLINE_S)
        await target.wait_for_mount("/from/here/cams/2", DEADLINE_S)
        assert len(server.forwards) == 2


async def test_it_comes_back_to_a_server_that_comes_back(
    start_server: ServerFactory, clock: LoopClock, caplog: pytest.LogCaptureFixture
) -> None:
    target = await start_server()
    url, port = target.publish_url("/copy"), target.publish_port
    server = await start_server(paths={"cam": {"forward_to": [url]}})
    async with published(server), counted(server, "/cam") as local:
        await state_of(server, ForwardState.SENDING)
        await target.stop()
        waiting = await state_of(server, ForwardState.WAITING)
        assert waiting.error.startswith("recording: ")
        before = waiting.sent_packets
        assert before > 0
        for tries in (2, 3):
            clock.advance(server.forwards[0].next_try_s - server.status().clock_s)
            await tried(server, tries)
            assert server.forwards[0].error == "connect: Connection refused"
        # 1 s, 2 s, 4 s, less up to a half.
        again_s = server.forwards[0].next_try_s - server.status().clock_s
        assert 1.5 < again_s <= 4
        target = await start_server(publish_port=port, rtp_port_start=own_port(500))
        clock.advance(again_s)
        assert_unbroken(await come(target, "/copy"))
        forward = await state_of(server, ForwardState.SENDING)
        assert forward.tries == 4
        assert forward.sent_packets > before
        assert_unbroken(local)
    warnings = [one for one in caplog.records if one.levelno >= logging.WARNING]
    # The end, and the refused connections once.
    assert len([one for one in warnings if "not forwarded" in one.getMessage()]) == 2


async def test_a_target_that_takes_nothing_holds_nobody_back(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    async with StuckTarget() as target:
        most = 400_000
        server = await start_server(
            paths={"cam": {"forward_to": [target.url], "slow_reader_max_bytes": most}}
        )
        publisher = server.publish("/cam", SDP_VIDEO)
        async with counted(server, "/cam") as local:
            await state_of(server, ForwardState.SENDING)
            for seq in range(6000):
                publisher.publish(0, [rtp(seq, payload=b"\x65\x88" + bytes(1300))])
                if seq % 20 == 0:
                    await asyncio.sleep(0)
            await wait_for(lambda: len(local) == 6000)
            forward = server.forwards[0]
            assert forward.state is ForwardState.SENDING
            assert forward.dropped_packets > 1000
            [reader] = [one for one in server.mounts["/cam"].readers if one.id == forward.session]
            assert reader.queued_bytes < 2 * most
            # Two looks: the keep-alive comes after half of the time-out that the target said.
            clock.advance(30)
            waiting = await state_of(server, ForwardState.WAITING)
            assert "taken nothing" in waiting.error
            assert waiting.dropped_packets == forward.dropped_packets
        publisher.close()


async def test_a_target_that_falls_silent_is_left(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    async with StuckTarget(keep_alives=1) as target:
        server = await start_server(
            paths={
                "cam": {
                    "forward_to": [target.url],
                    "forward_transport": "udp",
                    "publisher_idle_timeout_s": 0,
                }
            }
        )
        publisher = server.publish("/cam", SDP_VIDEO)
        await state_of(server, ForwardState.SENDING)
        for _ in range(2):
            asked = target.keep_alives_asked
            clock.advance(26)
            await target.asked_again(asked)
        assert target.keep_alives_answered == 1
        clock.advance(26)
        waiting = await state_of(server, ForwardState.WAITING)
        assert "has not answered for" in waiting.error
        publisher.close()


@pytest.mark.parametrize("own_path", ["/cam", "/other"])
async def test_a_server_takes_nothing_that_it_forwards_itself(
    server: RtspServer, own_path: str
) -> None:
    server.forward("/cam", server.publish_url(own_path))
    async with published(server):
        waiting = await state_of(server, ForwardState.WAITING)
        assert waiting.error.startswith("ANNOUNCE: answered 403 Forbidden; this server forwards")
        assert list(server.mounts) == ["/cam"]


async def test_a_circle_by_way_of_another_server_is_noticed(start_server: ServerFactory) -> None:
    here, there = await start_server(), await start_server(rtp_port_start=own_port(500))
    here.forward("/**", there.publish_url("/there") + "{path}")
    there.forward("/**", here.publish_url("/here") + "{path}")
    async with published(here):
        await there.wait_for_mount("/therecam", DEADLINE_S)
        waiting = await state_of(there, ForwardState.WAITING)
        assert "circle" in waiting.error
        assert (list(here.mounts), list(there.mounts)) == (["/cam"], ["/therecam"])


async def test_passwords_are_shown_nowhere(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target = await start_server(settings=Settings(access=ACCESS))
    place = f"127.0.0.1:{target.publish_port}/copy"
    server = await start_server()
    await server.set_path("cam", {"forward_to": [f"rtsp://ann:{SECRET}@{place}"]})
    await server.set_path(
        "two", {"forward_to": [f"rtsp://ann:wrong{SECRET}@{place}2?token=abcdef"]}
    )
    async with published(server), published(server, "/two"):
        assert_unbroken(await come(target, "/copy"))
        await state_of(server, ForwardState.SENDING)
        waiting = await state_of(server, ForwardState.WAITING)
        # Not in step with what may pass: a server may lock out who insists.
        assert waiting.next_try_s - server.status().clock_s > 25
        assert {one.url for one in server.forwards} == {
            f"rtsp://{place}",
            f"rtsp://{place}2?token=…",
        }
        shown = json.dumps(server.status().to_dict()) + caplog.text + repr(server.forwards)
        shown += "".join(map(str, (vars(one) for one in caplog.records)))
    for secret in (SECRET, "ss:w/rd", "p%40ss", "abcdef"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://ann:p@ss/w@host/x", "forward_to: the URL cannot be used"),
        ("rtsp://ann:p@ss@host:x/x", "forward_to: the URL cannot be used"),
        ("/cam", "forward_to: the URL is not absolute"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        RtspServer(paths={"cam": {"forward_to": [url]}})
    assert "p@ss" not in str(refused.value)


def test_nobody_records_from_a_group() -> None:
    with pytest.raises(ValueError, match="forward_transport is 'multicast'; it must be one of"):
        RtspServer(paths={"cam": {"forward_transport": "multicast"}})


async def test_a_reload_touches_only_what_differs(start_server: ServerFactory) -> None:
    target = await start_server()
    kept, gone, new = (target.publish_url(f"/{name}") for name in ("kept", "gone", "new"))
    server = await start_server(paths={"cam": {"forward_to": [kept, gone]}})
    async with published(server):
        await state_of(server, ForwardState.SENDING, 2)
        before = {one.url: one for one in server.forwards}
        await target.wait_for_mount("/kept", DEADLINE_S)
        async with counted(target, "/kept") as packets:
            await server.set_path("cam", {"forward_to": [kept, new]})
            await target.wait_for_mount("/new", DEADLINE_S)
            await wait_for(lambda: "/gone" not in target.mounts)
            await state_of(server, ForwardState.SENDING, 2)
            assert_unbroken(packets)
        now = {one.url: one for one in server.forwards}
        assert set(now) == {kept, new}
        assert (now[kept].session, now[kept].tries) == (before[kept].session, 1)
        # Another transport is another forward, though it goes to the same place.
        await server.set_path("cam", {"forward_to": [kept], "forward_transport": "udp"})
        await wait_for(lambda: [one.transport for one in server.forwards] == ["udp"])
        await server.remove_path("cam")
        await wait_for(lambda: not target.mounts)
        assert server.forwards == ()


async def test_a_program_begins_and_ends_forwards(start_server: ServerFactory) -> None:
    target = await start_server()
    server = await start_server()
    url = target.publish_url("/copy")
    async with published(server):
        server.forward("cam", url, transport="udp")
        assert_unbroken(await come(target, "/copy"))
        assert server.forwards[0].transport == "udp"
        assert server.stop_forward("/cam", url)
        assert not server.stop_forward("/cam", url)
        await wait_for(lambda: not target.mounts)
    with pytest.raises(ValueError, match="not absolute"):
        server.forward("/cam", "copy")
    with pytest.raises(ValueError, match="not both"):
        server.forward("/cam", url, settings=object(), transport="tcp")  # type: ignore[arg-type]


async def test_a_session_that_the_owner_ends_comes_back(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    target = await start_server()
    server = await start_server()
    server.forward("/cam", target.publish_url("/copy"))
    async with published(server):
        forward = await state_of(server, ForwardState.SENDING)
        assert await server.close_session(forward.session)
        await wait_for(lambda: not target.mounts)
        await state_of(server, ForwardState.WAITING)
        clock.advance(1)
        assert (await state_of(server, ForwardState.SENDING)).session != forward.session


async def test_it_waits_out_the_grace_of_its_mount(start_server: ServerFactory) -> None:
    target = await start_server()
    server = await start_server()
    server.forward("/cam", target.publish_url("/copy"))
    async with published(server):
        forward = await state_of(server, ForwardState.SENDING)
    async with published(server):
        await come(target, "/copy")
        assert server.forwards[0].session == forward.session
    await server.close_mount("/cam")
    await wait_for(lambda: not target.mounts)


async def test_a_drain_does_not_wait_for_it(start_server: ServerFactory) -> None:
    target = await start_server()
    server = await start_server()
    server.forward("/cam", target.publish_url("/copy"))
    async with published(server):
        await state_of(server, ForwardState.SENDING)
        async with asyncio.timeout(DEADLINE_S):
            await server.stop(drain_s=1000)
    await wait_for(lambda: not target.mounts)


async def test_from_a_thread(start_server: ServerFactory) -> None:
    target = await start_server()
    url = target.publish_url("/copy")

    def use() -> None:
        with ThreadedRtspServer(
            host="127.0.0.1", publish_port=0, rtp_port_start=own_port(500)
        ) as server:
            server.forward("/cam", url)
            assert server.forwards == ()
            assert server.stop_forward("/cam", url)

    await asyncio.to_thread(use)


async def test_secrets_come_from_the_environment_and_from_files(
    start_server: ServerFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARGET_PASSWORD", SECRET)
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    target = await start_server(settings=Settings(access=ACCESS))
    place = f"127.0.0.1:{target.publish_port}"
    urls = [
        f"rtsp://ann:${{TARGET_PASSWORD}}@{place}/one",
        f"rtsp://ann:${{file:{file}}}@{place}/two",
        f"rtsp://ann:${{NO_SUCH_VARIABLE}}@{place}/three",
    ]
    server = await start_server(paths={"cam": {"forward_to": urls}})
    async with published(server):
        await state_of(server, ForwardState.SENDING, 2)
        assert sorted(target.mounts) == ["/one", "/two"]
        waiting = await state_of(server, ForwardState.WAITING)
        assert waiting.error.endswith(
            "there is no variable NO_SUCH_VARIABLE in the environment of the server"
        )
        assert SECRET not in repr(server.forwards) + repr(server.settings.paths)


async def test_a_source_on_demand_does_not_go_on_for_it(
    start_server: ServerFactory, clock: LoopClock
) -> None:
    target = await start_server()
    async with AsyncFakeCamera() as camera:
        server = await start_server(
            paths={
                "cam": {
                    "source": camera.url,
                    "transport": "tcp",
                    "on_demand": True,
                    "forward_to": [target.publish_url("/copy")],
                }
            }
        )
        peer = await RtspPeer.connect(server.play_port)
        await peer.ask("DESCRIBE", server.play_url("/cam"), {"Accept": "application/sdp"})
        await peer.close()
        await state_of(server, ForwardState.SENDING)
        clock.advance(16)
        await camera.wait_until(lambda: not camera.live_sessions)
        clock.advance(11)
        await wait_for(lambda: not target.mounts)
        assert server.forwards == ()
