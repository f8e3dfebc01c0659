"""`FakeOnvifDevice`: an ONVIF device on a thread of its own, for tests of every kind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self

from headwater.own_loop import OwnLoop
from headwater.testing.onvif_device import GARDEN, MAIN, SUB, Login, NamePlate, Oddities, Profile
from headwater.testing.onvif_device.device import Call, OnvifDevice


class FakeOnvifDevice:
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
        self._device = OnvifDevice(
            user=user,
            password=password,
            logins=logins,
            plate=plate,
            profiles=profiles,
            odd=odd,
            discovery_port=discovery_port,
        )
        self._loop = OwnLoop("the fake ONVIF device")

    def start(self) -> None:
        """Switch it on."""
        self._loop.start()
        try:
            self._loop.run(self._device.__aenter__())
        except BaseException:
            self._loop.stop()
            raise

    def stop(self) -> None:
        """Switch it off; a second call does nothing."""
        if self._loop.running:
            self._loop.run(self._device.__aexit__())
            self._loop.stop()

    def __enter__(self) -> Self:
        """Switch it on."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off."""
        self.stop()

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
