"""The metrics: every counter in Prometheus's format, with labels that do not grow."""

from __future__ import annotations

import re
from dataclasses import replace

from api_peer import ask, publish, publish_many
from inside import inside
from web_rig import WebFactory, WebServer

from headwater.api.settings import ApiSettings

_LINE = re.compile(r'[a-z_]+(\{([a-z]+="(\\.|[^"\\])*",?)+\})? [-+0-9.einf]+')


async def test_every_line_is_of_the_format(web: WebServer) -> None:
    await publish(web, "/front")
    answer = await ask(web, "/metrics")
    assert answer.status == 200
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.body.decode().splitlines()
    assert [x for x in lines if not x.startswith("# ") and not _LINE.fullmatch(x)] == []
    assert "headwater_mounts 1" in lines
    assert 'headwater_sessions{role="publish"} 1' in lines
    assert 'headwater_mount_live{path="/front"} 1' in lines
    assert any(line.startswith('headwater_loop_lag_seconds_bucket{le="+Inf"}') for line in lines)
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


async def test_what_takes_time_to_measure_is_measured_from_the_first_scrape_on(
    web: WebServer,
) -> None:
    service = inside(web.server)
    lag, timings = service.running.view.own.lag, service.relay.timings
    measured = []
    for _ in range(3):
        measured.append((lag._timer is not None, timings._wanted))
        assert (await ask(web, "/metrics")).status == 200
    assert measured == [(False, False), (True, True), (True, True)]


async def test_mounts_behind_the_most_share_a_label(start_web: WebFactory) -> None:
    web = await start_web(settings={"api": ApiSettings(metrics_mounts=2)})
    publish_many(web, "/a", "/b", "/c", "/d")
    lines = (await ask(web, "/metrics")).body.decode().splitlines()
    live = [line for line in lines if line.startswith("headwater_mount_live{")]
    assert live == [
        'headwater_mount_live{path="/a"} 1',
        'headwater_mount_live{path="/b"} 1',
        'headwater_mount_live{path="(others)"} 2',
    ]
    apart = replace(web.server.settings, api=ApiSettings(metrics_mounts=0))
    await web.server.apply(apart)
    assert 'path="/a"' not in (await ask(web, "/metrics")).body.decode()


async def test_a_name_cannot_write_lines_of_its_own(web: WebServer) -> None:
    publish_many(web, '/a"b\\c')
    text = (await ask(web, "/metrics")).body.decode()
    assert 'headwater_mount_live{path="/a\\"b\\\\c"} 1' in text.splitlines()
