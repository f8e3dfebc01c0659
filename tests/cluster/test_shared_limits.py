"""Limits that hold for all workers together."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from digest_client import basic, digest
from machine import Machine, machine
from rtsp_peer import Answer, RtspPeer, TcpPublisher, TcpReader

from headwater.access.settings import AccessSettings, UserSettings
from headwater.config.settings import Settings
from headwater.media.settings import MountSettings
from headwater.relay.limit_settings import LimitSettings

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
USERS = AccessSettings(
    users=(UserSettings(name="ann", password="rtsp", read=("**",), publish=("**",)),),
    address_failure_limit=4,
)


async def setup(both: Machine, number: int) -> Answer:
    peer = await RtspPeer.connect(both.port(number))
    assert (await peer.ask("DESCRIBE", both.url(number))).status == 200
    return await peer.ask("SETUP", f"{both.url(number)}/trackID=0", TCP)


def beat(both: Machine) -> None:
    """What happens once a second; twice, since the first to beat hears of the others' last."""
    for _ in range(2):
        for worker in both.workers:
            worker._beat(0.0)


async def test_max_readers_is_for_all_workers_and_a_worker_that_pulls_is_no_reader() -> None:
    settings = Settings(mounts=MountSettings(max_readers=3))
    async with machine(settings=settings) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        for number in (0, 1, 1):
            await TcpReader.start(both.port(number), both.url(number))
        beat(both)
        await both.until(lambda: both.mount(0).readers_elsewhere == 2)
        await both.until(lambda: both.mount(1).readers_elsewhere == 1)
        assert (await setup(both, 0)).status == 453
        assert (await setup(both, 1)).status == 453


async def test_sessions_publishers_and_connections_are_counted_together() -> None:
    limits = LimitSettings(sessions=3, publishers=1)
    async with machine(settings=Settings(limits=limits)) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        beat(both)
        await both.until(lambda: both.inside(1).relay.limits.elsewhere.publishers)
        peer = await RtspPeer.connect(both.port(1))
        refused = await peer.announce(both.url(1, "/two"))
        assert refused.status == 503
        assert b"publishers" in refused.body
        for _ in range(2):
            await TcpReader.start(both.port(0), both.url(0))
        beat(both)
        await both.until(lambda: both.inside(1).relay.limits.elsewhere.sessions == 3)
        assert (await setup(both, 1)).status == 503


async def test_sessions_of_one_address_are_counted_together() -> None:
    limits = LimitSettings(sessions_per_address=3)
    async with machine(settings=Settings(limits=limits)) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        for _ in range(2):
            await TcpReader.start(both.port(0), both.url(0))
        beat(both)
        await both.until(lambda: both.inside(1).relay.limits.elsewhere.sessions_of)
        assert (await setup(both, 1)).status == 503


async def test_a_nonce_of_one_worker_is_good_at_another() -> None:
    async with machine(settings=Settings(access=USERS)) as both:
        peer = await RtspPeer.connect(both.port(0))
        challenge = await peer.ask("DESCRIBE", both.url(0))
        assert challenge.status == 401
        other = await RtspPeer.connect(both.port(1))
        url = both.url(1)
        answer = digest(
            challenge.headers["www-authenticate"][0],
            name="ann",
            password="rtsp",
            method="DESCRIBE",
            uri=url,
        )
        assert (await other.ask("DESCRIBE", url, {"Authorization": answer})).status == 404


async def test_wrong_passwords_at_one_worker_pause_the_address_at_all() -> None:
    async with machine(settings=Settings(access=USERS)) as both:
        for guess in range(4):
            peer = await RtspPeer.connect(both.port(guess % 2))
            wrong = {"Authorization": basic("ann", f"guess{guess}")}
            assert (await peer.ask("DESCRIBE", both.url(guess % 2), wrong)).status == 401
        await asyncio.sleep(0)
        right = {"Authorization": basic("ann", "rtsp")}
        for number in (0, 1):
            peer = await RtspPeer.connect(both.port(number))
            assert (await peer.ask("DESCRIBE", both.url(number), right)).status == 503


async def test_an_address_that_has_logged_in_at_one_worker_is_known_at_all() -> None:
    async with machine(settings=Settings(access=replace(USERS))) as both:
        peer = await RtspPeer.connect(both.port(0))
        right = {"Authorization": basic("ann", "rtsp")}
        assert (await peer.ask("DESCRIBE", both.url(0), right)).status == 404
        brake = both.inside(1).relay.admission.authenticator.brake
        await both.until(lambda: brake.knows("127.0.0.1", "ann"))
