import pytest

from headwater.protocol.wire_limits import WireLimits


def test_defaults_hold_a_big_sdp() -> None:
    assert WireLimits().max_body_bytes >= 65_536


@pytest.mark.parametrize("name", WireLimits.__slots__)
def test_a_bound_below_one_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        WireLimits(**{name: 0})
