"""Three nodes whose links fail, or one of which dies or stands still, and players that watch.

`python -m soak.links` runs the same, and writes down what the players saw.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from cluster_link_cases import CASES, Audience, Watched
from faulty_link import unusable
from link_readers import PATIENCE_S, Program
from linked_cluster import linked_cluster
from redis_server import PROGRAM
from vlc_program import why_no_rtsp

REASON = unusable()

pytestmark = [
    pytest.mark.netns,
    pytest.mark.timeout(400),
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"needs {PROGRAM}"),
]

# On a busy machine a node takes long to start a source: no reader is to be sent away before that.
GRACE_S = 300.0
OTHER_NODE_TAKES_IT = ("killed", "frozen", "without registry", "without anybody")
IT_STAYS = ("without each other", "one way", "slow")


@pytest.fixture
async def audience() -> AsyncIterator[Audience]:
    """Players at all nodes, all of which play."""
    programs = [each for each in Program if each is not Program.VLC or why_no_rtsp() is None]
    async with linked_cluster(GRACE_S) as cluster:
        made = Audience(cluster, programs)
        await made.begin()
        yield made


def hold_those_who_stay(audience: Audience, watched: Watched) -> None:
    """No server has sent them away: whoever began anew had seen nothing for too long."""
    for seen in (*watched.edge, watched.third):
        assert seen.reconnects == 0 or seen.gap_s >= PATIENCE_S, seen


@pytest.mark.parametrize("case", OTHER_NODE_TAKES_IT)
async def test_another_node_takes_the_camera_and_all_readers_play_on(
    audience: Audience, case: str
) -> None:
    watched = await CASES[case](audience)
    assert watched.elsewhere_s is not None
    hold_those_who_stay(audience, watched)


@pytest.mark.parametrize("case", IT_STAYS)
async def test_the_camera_stays_and_readers_behind_a_bad_link_find_it_at_another_node(
    audience: Audience, case: str
) -> None:
    watched = await CASES[case](audience)
    for seen in (watched.holder, watched.third):
        assert seen.reconnects == 0 or seen.gap_s >= PATIENCE_S, seen
        assert seen.damaged == 0, seen
    if case == "slow":
        hold_those_who_stay(audience, watched)
        assert [seen.damaged for seen in watched.edge] == [0] * len(watched.edge)
