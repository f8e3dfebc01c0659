"""The ONVIF device answers what it has, and says of all else that it has none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headwater.testing.onvif_device import MAIN, SUB, NamePlate, Oddities
from headwater.testing.onvif_device.answers import (
    DEVICE,
    MEDIA,
    MEDIA2,
    PTZ,
    DeviceAnswers,
    NotKnown,
)

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def answers(odd: Oddities | None = None) -> DeviceAnswers:
    return DeviceAnswers("127.0.0.1", 80, NamePlate(), (MAIN, SUB), odd or Oddities())


@pytest.mark.parametrize("namespace", [DEVICE, MEDIA, MEDIA2, PTZ])
def test_each_service_tells_its_capabilities(namespace: str) -> None:
    body = answers().body(namespace, "GetServiceCapabilities", "", NOW)
    assert "GetServiceCapabilitiesResponse>" in body
    assert ":Capabilities/>" in body


@pytest.mark.parametrize(
    ("namespace", "operation", "token", "named", "odd"),
    [
        (MEDIA, "SetVideoEncoderConfiguration", "", "SetVideoEncoderConfiguration", Oddities()),
        ("urn:no-service", "GetProfiles", "", "urn:no-service", Oddities()),
        (MEDIA2, "GetProfiles", "", MEDIA2, Oddities(media2=False)),
        (MEDIA, "GetStreamUri", "no-profile", "no-profile", Oddities()),
    ],
)
def test_what_it_does_not_have(
    namespace: str, operation: str, token: str, named: str, odd: Oddities
) -> None:
    with pytest.raises(NotKnown, match=named):
        answers(odd).body(namespace, operation, token, NOW)
