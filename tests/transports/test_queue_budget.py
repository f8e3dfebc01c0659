import pytest

from headwater.transports.queue_budget import QueueBudget


@pytest.mark.parametrize(("queued_bytes", "spent"), [(0, False), (10, False), (11, True)])
def test_what_waits_may_reach_the_bound(queued_bytes: int, spent: bool) -> None:
    budget = QueueBudget(10)
    budget.queued.size_bytes = queued_bytes
    assert budget.spent is spent
