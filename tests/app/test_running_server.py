"""`RtspServer.apply` on a server that serves: what changes, what is refused, and who notices."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificate_files import CertificateMaker
from inside import inside
from logged import events
from own_ports import free_port, free_ports, own_port
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpPair, UdpPublisher, UdpReader, wait_for

from headwater import (
    AccessSettings,
    MountSettings,
    PathSection,
    RtspServer,
    ServerState,
    Settings,
    StatusSocketError,
    ThreadedRtspServer,
    UserSettings,
    When,
)
from headwater.access.password import hash_password

ANN = UserSettings(name="ann", password="rtsp", publish=("**",), read=("**",))
ANN_BASIC = {"Authorization": "Basic YW5uOnJ0c3A="}


def changed(settings: Settings, **sections: dict[str, Any]) -> Settings:
    """The settings with some keys of some sections changed."""
    changes = {
        name: replace(getattr(settings, name), **values) for name, values in sections.items()
    }
    return replace(settings, **changes)


@pytest.fixture
async def server() -> AsyncIterator[RtspServer]:
    server = RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0), rtp_port_count=400
    )
    async with server:
        yield server
        RtspPeer.forget_all()
        UdpPair.close_all()


@pytest.fixture
def held_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def describe(peer: RtspPeer, url: str, headers: dict[str, str] | None = None) -> int:
    return (await peer.ask("DESCRIBE", url, headers)).status


def mounts_without_cache(server: RtspServer) -> list[str]:
    return [mount.path for mount in inside(server).mounts if mount.cache is None]


async def test_of_50_live_mounts_none_loses_a_packet_while_ten_are_changed(
    server: RtspServer,
) -> None:
    paths = [f"/{'cam' if number < 10 else 'other'}/{number}" for number in range(50)]
    publishers, tcp_readers, udp_readers = [], [], []
    for number, path in enumerate(paths):
        url = server.publish_url(path)
        publishers.append(await TcpPublisher.start(server.publish_port, url))
        tcp_readers.append(await TcpReader.start(server.play_port, url))
        if number % 5 == 0:
            udp_readers.append((number, await UdpReader.start(server.play_port, url)))
    connections = len(inside(server).connections)
    sent: list[list[bytes]] = [[] for _ in paths]
    wanted = changed(
        server.settings,
        server={"play_port": 0, "server_name": "Another"},
        limits={"sessions": 5, "gop_cache_bytes_total": 1 << 20},
        sockets={"udp_pending_age_s": 1.0},
        sessions={"timeout_s": 50.0},
    )
    wanted = replace(wanted, access=AccessSettings(users=(ANN,)))
    steps = {
        10: lambda: server.set_path("cam/*", {"grace_s": 77.0, "gop_cache_max_bytes": 0}),
        20: lambda: server.apply(replace(wanted, paths=server.settings.paths)),
        30: lambda: server.remove_path("cam/*"),
    }
    outcomes = []
    for number in range(40):
        for index, publisher in enumerate(publishers):
            sent[index] += await publisher.send()
        if step := steps.get(number):
            outcomes.append(await step())
    for index, tcp_reader in enumerate(tcp_readers):
        assert [(await tcp_reader.peer.frame())[1] for _ in range(40)] == sent[index], index
    for index, udp_reader in udp_readers:
        assert [await udp_reader.packet() for _ in range(40)] == sent[index], index
    touched = [(len(each.changed_mounts), each.untouched_mounts) for each in outcomes]
    assert touched == [(10, 40), (0, 50), (10, 40)]
    assert outcomes[0].changed_mounts == tuple(paths[:10])
    assert len(inside(server).connections) == connections
    lost = server.status().drops
    assert (lost.missed_by_readers, lost.egress) == (0, 0)


async def test_settings_of_paths_reach_open_mounts_and_those_that_open_later(
    server: RtspServer,
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/cam/1"))
    mount = inside(server).mounts.get("/cam/1")
    assert mount is not None
    assert mount.cache is not None
    applied = await server.set_path(
        "cam/*", PathSection(grace_s=3.0, multicast_ttl=9, gop_cache_max_s=0.0)
    )
    assert {change.key: change.applies for change in applied.changes} == {
        'paths."cam/*".grace_s': When.NOW,
        'paths."cam/*".multicast_ttl': When.NEXT_MOUNT,
        'paths."cam/*".gop_cache_max_s': When.NOW,
    }
    # An open mount keeps its group and its queues; all else it goes by from now on.
    assert (mount.settings.grace_s, mount.settings.multicast_ttl) == (3.0, 1)
    assert mounts_without_cache(server) == ["/cam/1"]
    await TcpPublisher.start(server.publish_port, server.publish_url("/cam/2"))
    later = inside(server).mounts.get("/cam/2")
    assert later is not None
    assert (later.settings.grace_s, later.settings.multicast_ttl) == (3.0, 9)
    await server.remove_path("cam/*")
    assert mount.settings == MountSettings()
    assert mounts_without_cache(server) == []
    with pytest.raises(LookupError, match="no settings of paths"):
        await server.remove_path("cam/*")
    with pytest.raises(ValueError, match="did you mean grace_s"):
        await server.set_path("cam/*", {"grace": 3.0})


async def test_users_count_from_the_next_request_on(server: RtspServer) -> None:
    url = server.publish_url("/a")
    await TcpPublisher.start(server.publish_port, url)
    peer = await RtspPeer.connect(server.play_port)
    assert await describe(peer, url) == 200
    await server.apply(replace(server.settings, access=AccessSettings(users=(ANN,))))
    # What this connection was allowed before is asked anew.
    assert await describe(peer, url) == 401
    assert await describe(peer, url, ANN_BASIC) == 200
    other = replace(ANN, password="another")
    applied = await server.apply(replace(server.settings, access=AccessSettings(users=(other,))))
    assert [str(change) for change in applied.changes] == [
        'access.users."ann": set → set differently'
    ]
    assert await describe(peer, url, ANN_BASIC) == 401
    await server.apply(replace(server.settings, access=AccessSettings()))
    assert await describe(peer, url) == 200


async def test_a_password_that_was_right_is_not_remembered_over_a_change(
    server: RtspServer,
) -> None:
    url = server.publish_url("/a")
    await TcpPublisher.start(server.publish_port, url)
    for password, status in (("rtsp", 200), ("another", 401), ("rtsp", 200)):
        user = replace(ANN, password=hash_password(password))
        await server.apply(replace(server.settings, access=AccessSettings(users=(user,))))
        peer = await RtspPeer.connect(server.play_port)
        assert await describe(peer, url, ANN_BASIC) == status


async def test_limits_count_from_the_next_request_on(server: RtspServer) -> None:
    peers = [await RtspPeer.connect(server.publish_port) for _ in range(3)]
    statuses = []
    for number, sessions in enumerate((1, 1, 2)):
        await server.apply(changed(server.settings, limits={"sessions": sessions}))
        answer = await peers[number].ask(
            "ANNOUNCE",
            server.publish_url(f"/{number}"),
            {"Content-Type": "application/sdp"},
            SDP_VIDEO,
        )
        statuses.append(answer.status)
    assert statuses == [200, 503, 200]


async def test_a_session_keeps_the_time_out_that_it_was_told(server: RtspServer) -> None:
    url = server.publish_url("/a")
    await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, url)
    await server.apply(changed(server.settings, sessions={"timeout_s": 100.0}))
    later = await TcpReader.start(server.play_port, url)
    for there, timeout_s in ((reader, 25), (later, 95)):
        answer = await there.peer.ask("PLAY", url, {"Session": there.session})
        assert answer.header("Session") == f"{there.session};timeout={timeout_s}"


async def test_a_new_port_is_open_before_the_old_one_closes(server: RtspServer) -> None:
    url = server.publish_url("/a")
    publisher = await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, url)
    old = server.publish_port
    # Connected to the old port, and not yet accepted when that closes.
    late = socket.create_connection(("127.0.0.1", old))
    new, play = free_ports(2)
    await server.apply(changed(server.settings, server={"publish_port": new, "play_port": play}))
    assert (server.publish_port, server.play_port) == (new, play)
    with pytest.raises(ConnectionRefusedError):
        await RtspPeer.connect(old)
    for peer in (await RtspPeer.over(late), await RtspPeer.connect(new)):
        assert (await peer.ask("OPTIONS", "*")).status == 200
    # Each port has its own side now: this one publishes.
    refused = await (await RtspPeer.connect(new)).ask("DESCRIBE", url)
    assert refused.status == 405
    sent = await publisher.send(3)
    assert [(await reader.peer.frame())[1] for _ in range(3)] == sent
    assert server.status().ports.play == play


async def test_a_port_keeps_its_number_when_it_gets_another_purpose(server: RtspServer) -> None:
    port = server.publish_port
    await server.apply(changed(server.settings, server={"play_port": 0}))
    assert server.publish_port == port == server.play_port
    new = free_port()
    await server.apply(changed(server.settings, server={"play_port": new}))
    peer = await RtspPeer.connect(port)
    assert (server.publish_port, server.play_port) == (port, new)
    assert await describe(peer, server.play_url("/a")) == 405
    await server.apply(changed(server.settings, server={"play_port": None}))
    assert await describe(await RtspPeer.connect(port), server.play_url("/a")) == 404
    # Who connected for one purpose stays with it.
    assert await describe(peer, server.play_url("/a")) == 405


async def test_a_port_in_use_changes_nothing_at_all(server: RtspServer, held_port: int) -> None:
    before, ports = server.settings, (server.publish_port, server.play_port)
    wanted = changed(
        server.settings,
        server={"publish_port": 0, "play_port": held_port, "server_name": "Another"},
        limits={"sessions": 1},
    )
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{held_port}"):
        await server.apply(wanted)
    assert (server.settings, server.publish_port, server.play_port) == (before, *ports)
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "*")).header("Server") == "Headwater"
    assert server.status().settings is None


async def test_what_needs_a_restart_is_named_and_stays(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    wanted = changed(
        server.settings,
        server={"host": "", "drain_s": 1.0},
        limits={"ipv6_prefix_bits": 56},
        hooks={"max_threads": 3},
    )
    applied = await server.apply(wanted)
    assert [change.key for change in applied.changes] == ["server.drain_s"]
    reasons = {change.key: change.reason for change in applied.needs_restart}
    assert reasons.keys() == {"server.host", "limits.ipv6_prefix_bits", "hooks.max_threads"}
    assert all(reasons.values())
    assert server.settings.server.host == "127.0.0.1"
    assert server.settings.server.drain_s == 1.0
    assert server.settings.limits.ipv6_prefix_bits == 64
    status = server.status().settings
    assert status is not None
    assert (status.changed, set(status.need_restart)) == (1, set(reasons))
    told = [record.__dict__["setting"] for record in caplog.records if "setting" in record.__dict__]
    assert len(told) == 4
    assert any('server.host: "127.0.0.1" → ""' in line for line in told)
    assert "settings applied" in events(caplog.records)


async def test_an_address_that_does_not_overlap_is_changed(server: RtspServer) -> None:
    port = server.publish_port
    applied = await server.apply(changed(server.settings, server={"host": "127.0.0.2"}))
    assert applied.needs_restart == ()
    assert server.publish_port == port
    with pytest.raises(ConnectionRefusedError):
        await RtspPeer.connect(port)
    peer = await RtspPeer.connect(port, "127.0.0.2")
    assert (await peer.ask("OPTIONS", "*")).status == 200


async def test_tls_comes_and_goes_for_connections_that_come_next(
    server: RtspServer, tmp_path: Path
) -> None:
    maker = CertificateMaker(tmp_path)
    files = maker.issue("server")
    plain = await RtspPeer.connect(server.play_port)
    bad = changed(server.settings, tls={"certificate": str(tmp_path / "none.pem")})
    with pytest.raises(ValueError, match=r"none\.pem"):
        await server.apply(bad)
    await server.apply(
        changed(
            server.settings,
            tls={"certificate": files.certificate, "key": files.key},
            server={"tls_only": True},
        )
    )
    over_tls = await RtspPeer.connect(
        server.play_port, ssl=maker.client_context(), server_hostname="localhost"
    )
    assert (await over_tls.ask("OPTIONS", "*")).status == 200
    refused = await RtspPeer.connect(server.play_port)
    assert (await refused.ask("OPTIONS", "*")).status == 403
    await server.apply(
        changed(server.settings, tls={"certificate": "", "key": ""}, server={"tls_only": False})
    )
    for peer in (plain, over_tls, await RtspPeer.connect(server.play_port)):
        assert (await peer.ask("OPTIONS", "*")).status == 200


async def test_udp_ports_move_and_pairs_that_are_held_stay(server: RtspServer) -> None:
    url = server.publish_url("/a")
    publisher = await UdpPublisher.start(server.publish_port, url)
    reader = await UdpReader.start(server.play_port, url)
    held = server.udp_pairs_in_use
    await server.apply(
        changed(server.settings, rtp={"rtp_port_start": own_port(600), "rtp_port_count": 20})
    )
    sent = publisher.send(2)
    assert [await reader.packet() for _ in range(2)] == sent
    assert server.udp_pairs_in_use == held
    await UdpPublisher.start(server.publish_port, server.publish_url("/b"))
    taken = inside(server).transports.ports
    assert (taken.in_use, taken.start, taken.available) == (held + 1, own_port(600), 9)


async def test_the_status_socket_moves_with_what_names_it(
    server: RtspServer, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.sock", tmp_path / "new.sock"
    settings = changed(server.settings, control={"status_socket": str(old)})
    applied = await server.apply(settings)
    assert [change.key for change in applied.needs_restart] == ["control.status_socket"]
    await server.stop()
    await server.apply(settings)
    await server.start()
    await server.open_status_socket()
    (tmp_path / "file").write_text("")
    bad = changed(server.settings, control={"status_socket": str(tmp_path / "file")})
    with pytest.raises(StatusSocketError, match="is no socket"):
        await server.apply(bad)
    assert old.exists()
    await server.apply(changed(server.settings, control={"status_socket": str(new)}))
    assert (old.exists(), new.exists()) == (False, True)
    reader, writer = await asyncio.open_unix_connection(new)
    writer.write(b'{"ask": "health"}\n')
    assert b'"running"' in await reader.read()
    writer.close()


async def test_settings_of_a_server_that_does_not_run_are_those_of_its_start() -> None:
    server = RtspServer(host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0))
    applied = await server.apply(changed(server.settings, limits={"ipv6_prefix_bits": 56}))
    assert [change.key for change in applied.changes] == ["limits.ipv6_prefix_bits"]
    await server.set_path("a", {"grace_s": 1.0})
    async with server:
        assert server.settings.limits.ipv6_prefix_bits == 56
        assert inside(server).mounts.settings_for("/a").grace_s == 1.0


async def test_changes_at_the_same_time_are_all_there_afterwards(server: RtspServer) -> None:
    await asyncio.gather(*(server.set_path(f"cam/{n}", {"grace_s": 5.0}) for n in range(20)))
    assert len(server.settings.paths) == 20


async def test_a_server_that_drains_takes_no_settings(server: RtspServer) -> None:
    url = server.publish_url("/a")
    await TcpPublisher.start(server.publish_port, url)
    await TcpReader.start(server.play_port, url)
    stopping = asyncio.create_task(server.stop(drain_s=3600))
    await wait_for(lambda: server.health().state is ServerState.DRAINING)
    with pytest.raises(RuntimeError, match="the server stops"):
        await server.apply(changed(server.settings, limits={"sessions": 1}))
    await server.stop()
    await stopping


def test_a_threaded_server_takes_them_as_well() -> None:
    with ThreadedRtspServer(host="127.0.0.1", publish_port=0, rtp_port_start=own_port(0)) as server:
        applied = server.apply(changed(server.settings, limits={"sessions": 7}))
        assert [str(change) for change in applied.changes] == ["limits.sessions: 10000 → 7"]
        assert server.set_path("a", {"grace_s": 1.0}).changes[0].after == "1.0"
        assert server.remove_path("a").changes[0].after == "not set"
        assert server.settings.limits.sessions == 7
