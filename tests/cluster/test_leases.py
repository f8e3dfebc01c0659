"""Who may fill which path: the table of claims, and the races that others ran into."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headwater.cluster.leases import Leases, Tenure

TTL_S = 9.0
PATH = "/cam"


def entered(*holders: str) -> Leases:
    leases = Leases(TTL_S)
    for holder in holders:
        leases.enter(holder, 0.0)
    return leases


def claimed(leases: Leases, holder: str, *, replaces: bool = False) -> Tenure:
    tenure = leases.claim(PATH, holder, 0.0, replaces=replaces)
    assert tenure is not None
    return tenure


def test_r1_r3_r4_of_two_that_claim_a_path_one_gets_it() -> None:
    leases = entered("a", "b")
    first = claimed(leases, "a")
    assert leases.claim(PATH, "b", 0.0) is None
    assert leases.take(first).granted
    assert leases.claim(PATH, "b", 0.0) is None
    assert leases.find(PATH) == first


def test_r5_a_stale_owner_ends_nothing_of_the_new_one() -> None:
    leases = entered("a", "b")
    old = claimed(leases, "a")
    leases.take(old)
    leases.forget("a")
    new = claimed(leases, "b")
    leases.take(new)
    leases.enter("a", 1.0)
    assert not leases.release(old)
    assert not leases.take(old).granted
    assert leases.find(PATH) == new
    assert new.epoch > old.epoch


def test_r5_a_late_release_of_its_own_older_claim_leaves_the_newer_one() -> None:
    leases = entered("a")
    old = claimed(leases, "a")
    new = claimed(leases, "a")
    assert not leases.release(old)
    assert leases.find(PATH) == new


def test_r7_r14_a_silent_holder_is_told_by_time_and_loses_all() -> None:
    leases = entered("a", "b")
    mine = claimed(leases, "a")
    leases.take(mine)
    assert leases.silent(TTL_S) == []
    assert leases.renew("b", TTL_S)
    assert leases.silent(TTL_S + 1) == ["a"]
    assert not leases.renew("a", TTL_S + 1)
    assert leases.claim("/other", "a", TTL_S + 1) is None
    assert leases.forget("a") == [mine]
    assert leases.find(PATH) is None
    assert len(leases) == 0


def test_r9_only_the_holder_ends_a_claim() -> None:
    leases = entered("a", "b")
    mine = claimed(leases, "a")
    assert not leases.release(Tenure(PATH, "b", mine.epoch))
    assert not leases.release(Tenure(PATH, "a", mine.epoch + 1))
    assert leases.find(PATH) == mine


def test_with_replace_the_last_to_record_has_the_path_and_the_loser_is_named() -> None:
    leases = entered("a", "b")
    old = claimed(leases, "a")
    leases.take(old)
    new = claimed(leases, "b", replaces=True)
    assert leases.find(PATH) == old  # an ANNOUNCE alone takes nothing away
    taken = leases.take(new)
    assert taken.granted
    assert taken.loser == old
    assert leases.find(PATH) == new


def test_an_announcement_that_was_replaced_is_not_granted() -> None:
    leases = entered("a", "b")
    first = claimed(leases, "a")
    second = claimed(leases, "b", replaces=True)
    assert not leases.take(first).granted
    assert leases.take(second).granted


class AnyOrder(RuleBasedStateMachine):
    """Claims, takes, releases, renewals, deaths and returns, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases(TTL_S)
        self.now = 0.0
        self.known: list[Tenure] = []
        self.fillers: dict[str, Tenure] = {}

    holders = st.sampled_from("abc")
    paths = st.sampled_from(["/x", "/y"])

    @rule(holder=holders)
    def enter(self, holder: str) -> None:
        self.leases.enter(holder, self.now)
        self.fillers = {p: t for p, t in self.fillers.items() if t.holder != holder}

    @rule(holder=holders, path=paths, replaces=st.booleans())
    def claim(self, holder: str, path: str, replaces: bool) -> None:
        other = self.fillers.get(path)
        tenure = self.leases.claim(path, holder, self.now, replaces=replaces)
        if tenure is None:
            return
        assert all(tenure.epoch > known.epoch for known in self.known)
        assert replaces or other is None or other.holder == holder
        self.known.append(tenure)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        tenure = data.draw(st.sampled_from(self.known))
        if self.leases.take(tenure).granted:
            before = self.fillers.get(tenure.path)
            assert before is None or before.epoch <= tenure.epoch
            self.fillers[tenure.path] = tenure

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        tenure = data.draw(st.sampled_from(self.known))
        self.leases.release(tenure)
        if self.fillers.get(tenure.path) == tenure:
            del self.fillers[tenure.path]

    @rule(holder=holders)
    def renew(self, holder: str) -> None:
        self.leases.renew(holder, self.now)

    @rule(seconds=st.sampled_from([1.0, 5.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for holder in self.leases.silent(self.now):
            self.leases.forget(holder)
            self.fillers = {p: t for p, t in self.fillers.items() if t.holder != holder}

    @invariant()
    def a_path_is_filled_by_the_one_that_was_told_so(self) -> None:
        for path, tenure in self.fillers.items():
            assert self.leases.find(path) == tenure
        assert len({tenure.epoch for tenure in self.known}) == len(self.known)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
