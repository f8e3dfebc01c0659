import logging

import pytest
from logged import events

from headwater.relay.counters import ServerCounters
from headwater.relay.limit_settings import LimitSettings
from headwater.relay.limits import Limits


def test_who_meets_a_limit_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    counters = ServerCounters()
    limits = Limits(LimitSettings(sessions=7), counters)
    limits.met("sessions", "192.0.2.1:5")
    limits.met("sessions", "192.0.2.2:5")
    limits.note("rtp.rtp_port_count", "", "no ports are left")
    assert counters.refused_by_limit == {"limits.sessions": 2, "rtp.rtp_port_count": 1}
    assert set(events(caplog.records)) == {"limit reached"}
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    first = vars(caplog.records[0])
    assert (first["setting"], first["peer"]) == ("limits.sessions", "192.0.2.1:5")
    assert first["cause"] == "7 is the most that is allowed"
