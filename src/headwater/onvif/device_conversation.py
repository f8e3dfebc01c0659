"""The conversation with one device: its clock, its services, who it is, its profiles, streams."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from headwater.onvif.bounded_xml import every, first, text, whole_number
from headwater.onvif.errors import DeviceFailedError, FaultError
from headwater.onvif.found_device import OnvifDevice, OnvifState, OnvifStream
from headwater.onvif.login import Login
from headwater.onvif.probe_message import Announcement
from headwater.onvif.reached_url import service_at, stream_at
from headwater.onvif.service_calls import ServiceCalls
from headwater.shown_text import shown

MOST_PROFILES: Final = 128
_DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"


@dataclass(frozen=True, slots=True)
class _MediaService:
    """How one of the two Media services is asked."""

    namespace: str
    profiles: str
    """Content of GetProfiles."""
    stream: str
    """Content of GetStreamUri, before the token."""
    encoder: str
    """Where a profile has its picture's encoding."""


_MEDIA2 = _MediaService(
    namespace="http://www.onvif.org/ver20/media/wsdl",
    profiles="<Type>All</Type>",
    stream="<Protocol>RtspUnicast</Protocol>",
    encoder="VideoEncoder",
)
_MEDIA1 = _MediaService(
    namespace="http://www.onvif.org/ver10/media/wsdl",
    profiles="",
    stream=(
        '<StreamSetup><Stream xmlns="http://www.onvif.org/ver10/schema">RTP-Unicast</Stream>'
        '<Transport xmlns="http://www.onvif.org/ver10/schema"><Protocol>RTSP</Protocol>'
        "</Transport></StreamSetup>"
    ),
    encoder="VideoEncoderConfiguration",
)


async def ask_device(
    announced: Announcement, login: Login | None, *, deadline: float, call_timeout_s: float
) -> OnvifDevice:
    """Return what a device tells of itself; a failure is told in its state, never raised.

    `deadline` is a time of the event loop, for the whole conversation.
    """
    async with ServiceCalls(login, timeout_s=call_timeout_s) as calls:
        conversation = _Conversation(calls, announced)
        try:
            async with asyncio.timeout_at(deadline):
                await conversation.run()
        except DeviceFailedError as failure:
            return conversation.result(failure.state, str(failure))
        except FaultError as fault:
            return conversation.result(OnvifState.UNREADABLE, str(fault))
        except TimeoutError:
            problem = "its address took too long to answer everything"
            return conversation.result(OnvifState.SILENT, problem)
        return conversation.result(OnvifState.TOLD, conversation.complaint)


class _Conversation:
    """Asks in order, and keeps what was told so far: a device that fails half-way told the rest."""

    def __init__(self, calls: ServiceCalls, announced: Announcement) -> None:
        self._calls = calls
        self._url = announced.service_url
        self._streams: list[OnvifStream] = []
        self.complaint = ""
        self._told = OnvifDevice(
            host=announced.host,
            service_url=announced.service_url,
            state=OnvifState.SILENT,
            name=announced.name,
            hardware=announced.hardware,
            location=announced.location,
        )

    def result(self, state: OnvifState, problem: str) -> OnvifDevice:
        return replace(self._told, state=state, problem=problem, streams=tuple(self._streams))

    async def run(self) -> None:
        await self._ask_clock()
        services = await self._ask_services()
        await self._ask_information()
        media = [each for each in (_MEDIA2, _MEDIA1) if each.namespace in services]
        for service in media or [_MEDIA1]:
            # A few devices have no list of services, and all of them at one URL.
            try:
                await self._ask_streams(service, services.get(service.namespace, self._url))
            except FaultError as fault:
                self.complaint = str(fault)
            if self._streams:
                self.complaint = ""
                return

    async def _ask_clock(self) -> None:
        """Learn the device's clock, without a token: one of another time is refused here too."""
        try:
            answer = await self._ask(self._url, _DEVICE, "GetSystemDateAndTime", with_token=False)
        except FaultError:
            return
        now = _device_time(first(answer, "UTCDateTime"))
        if now is not None:
            offset = now - datetime.now(UTC)
            self._calls.clock_offset = offset
            self._told = replace(self._told, clock_offset_s=round(offset.total_seconds()))

    async def _ask_services(self) -> dict[str, str]:
        """Return the URLs of the services by namespace, at the address that answered."""
        try:
            content = "<IncludeCapability>false</IncludeCapability>"
            answer = await self._ask(self._url, _DEVICE, "GetServices", content)
            told = {
                text(each, "Namespace"): text(each, "XAddr") for each in every(answer, "Service")
            }
        except FaultError:
            content = "<Category>All</Category>"
            answer = await self._ask(self._url, _DEVICE, "GetCapabilities", content)
            told = {_MEDIA1.namespace: text(answer, "Media", "XAddr")}
        return {
            namespace: at
            for namespace, url in told.items()
            if (at := service_at(url, self._url)) is not None
        }

    async def _ask_information(self) -> None:
        try:
            answer = await self._ask(self._url, _DEVICE, "GetDeviceInformation")
        except FaultError:
            return
        self._told = replace(
            self._told,
            manufacturer=shown(text(answer, "Manufacturer")),
            model=shown(text(answer, "Model")),
            firmware=shown(text(answer, "FirmwareVersion")),
            serial_number=shown(text(answer, "SerialNumber")),
        )

    async def _ask_streams(self, service: _MediaService, url: str) -> None:
        answer = await self._ask(url, service.namespace, "GetProfiles", service.profiles)
        profiles = [each for each in every(answer, "Profiles") if each.get("token")]
        for profile in profiles[:MOST_PROFILES]:
            token = profile.get("token", "")
            content = f"{service.stream}<ProfileToken>{escape(token)}</ProfileToken>"
            try:
                answer = await self._ask(url, service.namespace, "GetStreamUri", content)
            except FaultError as fault:
                self.complaint = str(fault)
                continue
            if stream_url := stream_at(text(answer, "Uri"), self._url):
                self._streams.append(_stream(profile, stream_url, service.encoder))

    async def _ask(
        self,
        url: str,
        namespace: str,
        operation: str,
        content: str = "",
        *,
        with_token: bool = True,
    ) -> Element:
        body = f'<{operation} xmlns="{namespace}">{content}</{operation}>'
        return await self._calls.call(url, body, with_token=with_token)


def _stream(profile: Element, url: str, encoder_name: str) -> OnvifStream:
    encoder = first(profile, encoder_name)
    return OnvifStream(
        profile=shown(profile.get("token", "")),
        name=shown(text(profile, "Name")),
        url=url,
        encoding=shown(text(encoder, "Encoding")),
        width=whole_number(encoder, "Resolution", "Width"),
        height=whole_number(encoder, "Resolution", "Height"),
        frame_rate=_decimal(text(encoder, "FrameRateLimit")),
    )


def _device_time(told: Element | None) -> datetime | None:
    """Return the device's time; None for one that there is not."""
    date, time = first(told, "Date"), first(told, "Time")
    if date is None or time is None:
        return None
    numbers = [whole_number(date, part) for part in ("Year", "Month", "Day")]
    numbers += [whole_number(time, part) for part in ("Hour", "Minute", "Second")]
    year, month, day, hour, minute, second = numbers
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _decimal(digits: str) -> float:
    """Return a number such as `25` or `29.97`; 0 for any other text."""
    whole, _, rest = digits.partition(".")
    is_number = (whole + rest).isascii() and (whole + rest).isdecimal() and len(digits) < 10
    return float(digits) if is_number else 0.0
