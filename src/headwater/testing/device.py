"""`FakeOnvifDevice`: an ONVIF device on a thread of its own, for tests of every kind."""

from __future__ import annotations

from collections.abc import Collection

from headwater.testing.onvif_device import GARDEN, MAIN, SUB, Login, NamePlate, Oddities, Profile
from headwater.testing.onvif_device.device import Call, OnvifDevice
from headwater.testing.threaded_peer import ThreadedPeer


class FakeOnvifDevice(ThreadedPeer):
    """A device at `service_url`, from `start` to `stop` or while `with` lasts.

    It answers WS-Discovery, on `discovery_port`, and the services for devices and media.

    Args:
        user: who may ask, with `password`; without one everybody.
        password: of the user.
        logins: the ways to log in, each checked truly.
        plate: its name plate.
        profiles: its media profiles; each names the port and path of its stream.
        odd: what it does wrong.
        discovery_port: the UDP port for Probes; 0 takes a free one.
    """

    def __init__(
        self,
        *,
        user: str = "",
        password: str = "",
        logins: Collection[Login] = (Login.TOKEN, Login.DIGEST),
        plate: NamePlate = GARDEN,
        profiles: tuple[Profile, ...] = (MAIN, SUB),
        odd: Oddities | None = None,
        discovery_port: int = 0,
    ) -> None:
        super().__init__("the fake ONVIF device")
        self._device = OnvifDevice(
            user=user,
            password=password,
            logins=logins,
            plate=plate,
            profiles=profiles,
            odd=odd,
            discovery_port=discovery_port,
        )

    async def _switch_on(self) -> None:
        await self._device.__aenter__()

    async def _switch_off(self) -> None:
        await self._device.__aexit__()

    @property
    def service_url(self) -> str:
        """The URL of its device service."""
        return self._device.service_url

    @property
    def discovery_port(self) -> int:
        """The UDP port on which it hears Probes."""
        return self._device.discovery_port

    @property
    def calls(self) -> list[Call]:
        """What came over HTTP, oldest first."""
        return list(self._device.calls)

    @property
    def probes(self) -> list[bytes]:
        """The Probes that came."""
        return list(self._device.probes)


def profile_of(port: int, path: str, *, encoding: str, width: int, height: int) -> Profile:
    """Return a media profile whose stream is at this port and path of the device's host."""
    return Profile(
        token="main",
        name="mainStream",
        encoding=encoding,
        width=width,
        height=height,
        frame_rate=25,
        path=path,
        rtsp_port=port,
    )
