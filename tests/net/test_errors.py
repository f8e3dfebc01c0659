"""What errors say to the person who started something."""

from __future__ import annotations

import errno

from headwater.net.errors import SettingPortError


def test_a_port_that_cannot_be_bound_is_named_with_its_setting() -> None:
    taken = OSError(errno.EADDRINUSE, "Address already in use")
    error = SettingPortError(taken, "cannot bind UDP port 8189", setting="webrtc.port", port=8189)
    assert error.errno == errno.EADDRINUSE
    assert error.strerror == "cannot bind UDP port 8189 (webrtc.port): Address already in use"
    assert (error.setting, error.port) == ("webrtc.port", 8189)
