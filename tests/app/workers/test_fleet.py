"""The supervisor of several workers, which are whole servers on the loop of the test."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificate_files import CertificateMaker, common_name
from films import film
from fleet_rig import DEADLINE_S, Rig, settings_of
from http_peer import fetch
from inside import inside
from own_ports import own_port
from published_film import description, pictures_of
from rtsp_peer import RtspPeer, TcpPublisher, TcpReader, frame
from server_rig import LoopClock
from webrtc_peer import offer, post
from worker_here import KILLED

from headwater.app.workers import fleet as fleet_module
from headwater.app.workers.fleet import Fleet
from headwater.config.settings import Settings
from headwater.control.server_state import ServerState
from headwater.control.status import ServerStatus
from headwater.net import steady_loop
from headwater.net.settings import TlsSettings


async def watched(fleet: Fleet, readers: int) -> tuple[TcpPublisher, list[TcpReader]]:
    url = fleet.ports.publish_url("/cam")
    publisher = await TcpPublisher.start(fleet.ports.publish, url)
    await publisher.send(1)
    return publisher, [await TcpReader.start(fleet.ports.publish, url) for _ in range(readers)]


async def test_all_workers_serve_one_port_and_tell_one_status(rig: Rig) -> None:
    fleet = await rig.started()
    await watched(fleet, 24)
    status = await fleet.status()
    assert status.state is ServerState.RUNNING
    assert [each.name for each in status.workers] == ["worker-1", "worker-2"]
    # The kernel gives connections by a hash of their ports: all to one is a matter of 2^-24.
    assert all(each.sessions for each in status.workers)
    assert len(status.mounts[0].readers) == 24
    assert status.ports.publish == status.ports.play == fleet.ports.publish
    assert (status.ports.udp_first, status.ports.udp_last) == (own_port(0), own_port(399))
    assert status.replaced_workers == 0
    await rig.until(lambda: fleet.health().sessions == 25)
    assert fleet.health().mounts == 1
    assert fleet.ports.play_url("/cam") == fleet.ports.publish_url("/cam")
    assert fleet.ports.http_url("/cam") == ""


async def test_ports_of_their_own_for_readers_and_browsers(rig: Rig) -> None:
    settings = settings_of(play_port=own_port(992))
    fleet = await rig.started(replace(settings, http=replace(settings.http, port=0)))
    ports = {
        int(url.split(":")[2].split("/")[0])
        for url in (fleet.ports.play_url("/"), fleet.ports.http_url("/"))
    }
    assert len({*ports, fleet.ports.publish}) == 3
    peer = await RtspPeer.connect(own_port(992))
    allowed = (await peer.ask("OPTIONS", fleet.ports.play_url("/cam"))).header("Public")
    assert allowed is not None
    assert "PLAY" in allowed
    assert "RECORD" not in allowed


async def test_browsers_find_every_mount_at_the_worker_that_serves_them(rig: Rig) -> None:
    settings = settings_of()
    fleet = await rig.started(
        replace(
            settings,
            http=replace(settings.http, port=0),
            webrtc=replace(settings.webrtc, port=0),
        )
    )
    port = int(fleet.ports.http_url("/").split(":")[2].split("/")[0])
    pictures = list(pictures_of(film("h264", 120).rtp))
    sdp = description("h264").encode() + b"a=control:streamid=0\r\n"
    publishers = []
    # The kernel gives publishers to workers by chance: all of them to one is a matter of 2^-11.
    for number in range(12):
        url = fleet.ports.publish_url(f"/cam{number}")
        publishers.append(await TcpPublisher.start(fleet.ports.publish, url, sdp))
    assert all(len(inside(each.running).mounts) for each in rig.workers)
    for number, publisher in enumerate(publishers):
        await publisher.peer.send(b"".join(frame(0, p) for each in pictures[:12] for p in each))
        answer = await post(port, f"/cam{number}/whep", offer())
        assert answer.status == 201, answer
        asked = asyncio.create_task(fetch(port, f"/cam{number}/index.m3u8"))
        for picture in pictures[12:]:
            await publisher.peer.send(b"".join(frame(0, packet) for packet in picture))
            await asyncio.wait([asked], timeout=0.01)
        main = await asked
        assert main.status == 200, main
        media = main.body.decode().splitlines()[-1]
        for _ in range(3):
            assert (await fetch(port, f"/cam{number}/{media}")).status == 200


async def test_browsers_need_a_port_of_their_own(rig: Rig) -> None:
    settings = settings_of(play_port=own_port(993))
    settings = replace(settings, http=replace(settings.http, port=own_port(993)))
    with pytest.raises(ValueError, match="they need a port of their own"):
        await rig.started(settings)
    assert rig.spawned == []


async def test_a_killed_worker_is_replaced_by_the_process_that_waits(rig: Rig) -> None:
    fleet = await rig.started()
    await rig.until(lambda: len(rig.spawned) == 3)
    spare = rig.spawned[2]
    assert spare.is_spare
    first, second = rig.workers
    first.kill()
    assert await first.wait() == KILLED
    await rig.until(lambda: spare.is_serving)
    assert spare.order is not None
    assert first.order is not None
    assert spare.order.place == first.order.place
    assert fleet.replaced == 1
    await watched(fleet, 24)
    status = await fleet.status()
    assert [each.name for each in status.workers] == ["worker-2", "worker-1"]
    assert all(each.sessions for each in status.workers)
    assert rig.workers == [spare, second]


async def test_a_worker_is_started_again_once_the_system_has_room(rig: Rig) -> None:
    fleet = await rig.started()
    await rig.until(lambda: len(rig.spawned) == 3)
    rig.refuses = OSError(errno.EAGAIN, "Resource temporarily unavailable")
    for worker in rig.workers:
        worker.kill()
    # One has the place of the spare; the other is tried again and again.
    await rig.until(lambda: rig.refused > 2)
    rig.refuses = None
    await rig.until(lambda: [each.is_serving for each in rig.workers] == [True, True])
    assert fleet.replaced == 2
    assert len((await fleet.status()).workers) == 2


async def test_a_worker_that_ends_at_its_start_fails_the_start_and_leaves_nothing(
    rig: Rig,
) -> None:
    rig.exits_with = 3
    port = own_port(990)
    fleet = rig.made(replace(base := settings_of(), server=replace(base.server, publish_port=port)))
    with pytest.raises(RuntimeError, match=r"worker-\d ended with exit code 3 at its start"):
        await fleet.start()
    socket.create_server(("127.0.0.1", port)).close()


async def test_a_worker_that_says_nothing_at_its_start_fails_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fleet_module, "_START_DEADLINE_S", 0.01)
    monkeypatch.setattr(fleet_module, "_STOP_ALLOWANCE_S", 0.1)
    caplog.set_level(logging.INFO)
    rig.hangs = True
    with pytest.raises(RuntimeError, match=r"a worker did not start in 0\.01 s"):
        await rig.started()
    assert "starting workers" in caplog.text
    for worker in rig.spawned:
        await worker.wait()


async def test_a_port_that_is_taken_fails_the_start(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        base = settings_of()
        port = taken.getsockname()[1]
        fleet = rig.made(replace(base, server=replace(base.server, publish_port=port)))
        with pytest.raises(OSError, match="in use"):
            await fleet.start()
    assert rig.spawned == []


async def test_a_frozen_worker_is_killed_and_one_that_speaks_is_not(
    rig: Rig, clock: LoopClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time that the test lets pass is no standstill of the process.
    monkeypatch.setattr(steady_loop, "_MOST_LATE_S", math.inf)
    fleet = await rig.started()
    frozen, lively = rig.workers
    frozen.freeze()
    heard = fleet._directory.leases._until_s
    # Three seconds at a time: each worker speaks once a second, and is silent after nine.
    for _ in range(4):
        before = heard["worker-2"]
        clock.advance(3.0)
        await rig.until(lambda before=before: heard["worker-2"] > before)  # type: ignore[misc]
    assert await frozen.wait() == KILLED
    await rig.until(lambda: fleet.replaced)
    await rig.until(lambda: len(rig.workers) == 2)
    assert rig.workers[0] is not frozen
    assert rig.workers[1] is lively
    assert lively.running.running


async def test_settings_are_for_all_workers(rig: Rig) -> None:
    fleet = await rig.started()
    wanted = replace(fleet.settings, mounts=replace(fleet.settings.mounts, max_readers=1))
    applied = await fleet.apply(wanted)
    assert [change.key for change in applied.changes] == ["mounts.max_readers"]
    assert [each.running.settings.mounts.max_readers for each in rig.workers] == [1, 1]
    status = await fleet.status()
    assert status.settings is not None
    assert status.settings.changed == 1
    # One that comes later has them too.
    rig.workers[0].kill()
    await rig.until(lambda: fleet.replaced)
    await rig.until(lambda: [each.is_serving for each in rig.workers] == [True, True])
    assert rig.workers[0].running.settings.mounts.max_readers == 1


async def test_settings_that_one_worker_refuses_are_taken_back_by_all(rig: Rig) -> None:
    fleet = await rig.started()

    async def refuse(settings: Settings) -> Any:
        raise ValueError("no room for this")

    rig.workers[1].part._apply_order = refuse  # type: ignore[method-assign]
    before = fleet.settings
    wanted = replace(before, mounts=replace(before.mounts, max_readers=1))
    with pytest.raises(ValueError, match="no room for this"):
        await fleet.apply(wanted)
    assert fleet.settings == before
    assert rig.workers[0].running.settings.mounts.max_readers == before.mounts.max_readers
    status = await fleet.status()
    assert status.settings is None


async def test_another_port_is_listened_on_by_all(rig: Rig) -> None:
    fleet = await rig.started()
    first_port = fleet.ports.publish
    port = own_port(991)
    server = replace(fleet.settings.server, publish_port=port)
    await fleet.apply(replace(fleet.settings, server=server))
    assert fleet.ports.publish == port
    await watched(fleet, 2)
    socket.create_server(("127.0.0.1", first_port)).close()


async def test_all_workers_read_their_certificate_again(rig: Rig, tmp_path: Path) -> None:
    maker = CertificateMaker(tmp_path)
    old, new = maker.issue("old"), maker.issue("new")
    tls = TlsSettings(certificate=old.certificate, key=old.key)
    fleet = await rig.started(settings_of(tls, rtsps_port=own_port(993)))
    assert (await fleet.status()).ports.rtsps == own_port(993)
    context = maker.client_context()

    def shown() -> set[str]:
        return {common_name(own_port(993), context) for _ in range(16)}

    assert await asyncio.to_thread(shown) == {"old"}
    for name in ("key", "certificate"):
        shutil.copy(getattr(new, name), getattr(old, name))
    fleet.reload_certificates()
    # Orders are obeyed in turn: what answers a later one has obeyed this.
    await fleet.status()
    # Both have connections, but for one case of 2^15.
    assert await asyncio.to_thread(shown) == {"new"}


async def test_a_status_without_any_answer_is_none(rig: Rig, clock: LoopClock) -> None:
    fleet = await rig.started()
    await watched(fleet, 24)
    before = await fleet.status()
    rig.workers[0].freeze()
    left = await asked(rig, fleet, clock, silent=1)
    assert [each.name for each in left.workers] == ["worker-2"]
    # What the other one has at the moment nobody knows; what it had counted is told.
    assert len(left.sessions) < len(before.sessions) == 25
    assert left.counters.sessions_opened == 25
    rig.workers[1].freeze()
    with pytest.raises(RuntimeError, match="no worker answers"):
        await asked(rig, fleet, clock, silent=2)


async def asked(rig: Rig, fleet: Fleet, clock: LoopClock, *, silent: int) -> ServerStatus:
    """The status of workers of which so many do not answer, once all others have."""
    asking = asyncio.create_task(fleet.status())
    await rig.until(lambda: len(fleet._questions._waiting) == silent)
    clock.advance(fleet_module._STATUS_DEADLINE_S)
    return await asking


async def test_nobody_waits_for_the_answer_of_a_worker_that_dies(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that a wait for it would fail the test.
    monkeypatch.setattr(fleet_module, "_STATUS_DEADLINE_S", 3600.0)
    fleet = await rig.started()
    first, _ = rig.workers
    first.freeze()
    asking = asyncio.create_task(fleet.status())
    await rig.until(lambda: len(fleet._questions._waiting) == 1)
    first.kill()
    async with asyncio.timeout(DEADLINE_S):
        status = await asking
    assert [each.name for each in status.workers] == ["worker-2"]
    await rig.until(lambda: [each.is_serving for each in rig.workers] == [True, True])
    # What is asked of a worker with the name of one that died is asked of the new one.
    assert len((await fleet.status()).workers) == 2


async def test_an_order_that_is_not_answered_names_the_worker(rig: Rig, clock: LoopClock) -> None:
    fleet = await rig.started()
    rig.workers[0].freeze()
    wanted = replace(fleet.settings, mounts=replace(fleet.settings.mounts, max_readers=1))
    applying = asyncio.create_task(fleet.apply(wanted))
    await rig.until(lambda: fleet._questions._waiting)
    clock.advance(fleet_module._ANSWER_DEADLINE_S)
    with pytest.raises(RuntimeError, match="worker-1 does not answer"):
        await applying


async def test_a_second_stop_waits_for_nobody(rig: Rig) -> None:
    fleet = await rig.started()
    await watched(fleet, 1)
    workers = rig.workers
    draining = asyncio.create_task(fleet.stop(3600.0))
    await rig.until(lambda: fleet.health().state is ServerState.DRAINING)
    await rig.until(lambda: all(each.ends for each in workers))
    assert not draining.done()
    await fleet.stop(0.0)
    await draining
    assert [await each.wait() for each in workers] == [0, 0]


async def test_who_does_not_stop_is_killed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_STOP_ALLOWANCE_S", 0.01)
    fleet = await rig.started()
    first, second = rig.workers
    first.part.asked_to_stop = lambda _: None
    await fleet.stop(0.0)
    assert await first.wait() == KILLED
    assert await second.wait() in {0, KILLED}
