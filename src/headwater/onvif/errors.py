"""Why a device did not tell what it was asked."""

from headwater.onvif.found_device import OnvifState


class DeviceFailedError(Exception):
    """The conversation with a device ends here; `state` is what the device is left in."""

    def __init__(self, state: OnvifState, problem: str) -> None:
        super().__init__(problem)
        self.state = state


class FaultError(Exception):
    """The device refused one operation; others may succeed."""
