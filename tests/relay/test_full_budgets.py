from headwater.media.cache_budget import CacheBudget
from headwater.media.readers.start_room import StartRoom
from headwater.relay.counters import ServerCounters
from headwater.relay.full_budgets import FullBudgets
from headwater.relay.limit_settings import LimitSettings
from headwater.relay.limits import Limits
from headwater.transports.queue_budget import QueueBudget


def test_each_budget_is_told_once_for_all_that_met_it_since() -> None:
    counters = ServerCounters()
    queues = {"limits.a": QueueBudget(10), "limits.b": QueueBudget(10)}
    cache = CacheBudget(10)
    room = StartRoom(10)
    full = FullBudgets(Limits(LimitSettings(), counters), queues, cache, room)
    full.check(0.0)
    assert counters.refused_by_limit == {}
    queues["limits.a"].refusals = 5
    cache.overflows = 2
    for now in (1.0, 2.0):
        full.check(now)
        assert counters.refused_by_limit == {"limits.a": 1, "limits.gop_cache_bytes_total": 1}
    queues["limits.a"].refusals = 6
    queues["limits.b"].refusals = 1
    room.refusals = 7
    full.check(3.0)
    assert counters.refused_by_limit == {
        "limits.a": 2,
        "limits.b": 1,
        "limits.gop_cache_bytes_total": 1,
        "limits.catch_up_bytes_total": 1,
    }
