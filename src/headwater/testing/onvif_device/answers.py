"""The bodies of the device's answers: device service, Media, Media2, and stubs of PTZ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from headwater.testing.onvif_device.oddities import Oddities
from headwater.testing.onvif_device.profiles import NamePlate, Profile

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
PATHS = {
    DEVICE: "/onvif/device_service",
    MEDIA: "/onvif/media_service",
    MEDIA2: "/onvif/media2_service",
    PTZ: "/onvif/ptz_service",
}
_NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:ter="http://www.onvif.org/ver10/error" '
    f'xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" xmlns:tr2="{MEDIA2}" xmlns:tptz="{PTZ}"'
)
PREFIXES = {DEVICE: "tds", MEDIA: "trt", MEDIA2: "tr2", PTZ: "tptz"}
WITHOUT_LOGIN = frozenset(
    {
        "GetSystemDateAndTime",
        "GetCapabilities",
        "GetServices",
        "GetServiceCapabilities",
        "GetHostname",
    }
)
"""ONVIF Core Specification, access class PRE_AUTH."""


class NotKnown(Exception):  # noqa: N818 (named for what happened)
    """The device has no such operation, or no such profile."""


@dataclass(frozen=True)
class DeviceAnswers:
    """Makes the body of each answer; `host` and `port` are those of its own HTTP server."""

    host: str
    port: int
    plate: NamePlate
    profiles: tuple[Profile, ...]
    odd: Oddities

    def body(self, namespace: str, operation: str, token: str, now: datetime) -> str:
        """The body for an operation; raises NotKnown where there is none."""
        if namespace not in self._services():
            raise NotKnown(namespace)
        if operation == "GetServices" and not self.odd.services:
            raise NotKnown(operation)
        make: Callable[[str, datetime], str] | None = {
            (DEVICE, "GetSystemDateAndTime"): self._clock,
            (DEVICE, "GetServices"): self._service_list,
            (DEVICE, "GetCapabilities"): self._capabilities,
            (DEVICE, "GetDeviceInformation"): self._information,
            (DEVICE, "GetScopes"): self._scopes,
            (DEVICE, "GetNetworkInterfaces"): self._network_interfaces,
            (DEVICE, "GetHostname"): _fixed(
                "<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP>"
                "<tt:Name>mock</tt:Name></tds:HostnameInformation>"
            ),
            (DEVICE, "GetDNS"): _fixed(
                "<tds:DNSInformation><tt:FromDHCP>true</tt:FromDHCP></tds:DNSInformation>"
            ),
            (DEVICE, "GetNTP"): _fixed(
                "<tds:NTPInformation><tt:FromDHCP>true</tt:FromDHCP></tds:NTPInformation>"
            ),
            (MEDIA, "GetProfiles"): self._profiles1,
            (MEDIA, "GetProfile"): self._profile1,
            (MEDIA, "GetVideoSources"): _fixed(
                '<trt:VideoSources token="vs"><tt:Framerate>25</tt:Framerate><tt:Resolution>'
                "<tt:Width>2560</tt:Width><tt:Height>1440</tt:Height></tt:Resolution>"
                "</trt:VideoSources>"
            ),
            (MEDIA, "GetVideoSourceConfigurations"): _fixed(
                '<trt:Configurations token="vsc"><tt:Name>source</tt:Name>'
                "<tt:SourceToken>vs</tt:SourceToken></trt:Configurations>"
            ),
            (MEDIA, "GetVideoEncoderConfigurations"): self._encoders1,
            (MEDIA, "GetVideoEncoderConfigurationOptions"): _fixed(
                "<trt:Options><tt:QualityRange><tt:Min>1</tt:Min><tt:Max>6</tt:Max>"
                "</tt:QualityRange></trt:Options>"
            ),
            (MEDIA, "GetStreamUri"): self._stream_uri1,
            (MEDIA, "GetSnapshotUri"): self._snapshot_uri,
            (MEDIA2, "GetProfiles"): self._profiles2,
            (MEDIA2, "GetStreamUri"): self._stream_uri2,
            (MEDIA2, "GetSnapshotUri"): self._snapshot_uri2,
            (PTZ, "GetNodes"): _fixed(""),
            (PTZ, "GetConfigurations"): _fixed(""),
            (PTZ, "GetPresets"): _fixed(""),
        }.get((namespace, operation))
        if operation == "GetServiceCapabilities":
            make = _fixed(f"<{PREFIXES[namespace]}:Capabilities/>")
        if make is None:
            raise NotKnown(operation)
        prefix = PREFIXES[namespace]
        inner = make(token, now)
        return envelope(f"<{prefix}:{operation}Response>{inner}</{prefix}:{operation}Response>")

    def _services(self) -> tuple[str, ...]:
        has = {MEDIA: self.odd.media1, MEDIA2: self.odd.media2}
        return tuple(each for each in PATHS if has.get(each, True))

    def _xaddr(self, namespace: str) -> str:
        host = self.odd.told_host or self.host
        return f"http://{host}:{self.odd.told_port or self.port}{PATHS[namespace]}"

    def _clock(self, _: str, now: datetime) -> str:
        return (
            "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time>"
            f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month>"
            f"<tt:Day>{now.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime>"
        )

    def _service_list(self, _: str, now: datetime) -> str:
        return "".join(
            f"<tds:Service><tds:Namespace>{each}</tds:Namespace>"
            f"<tds:XAddr>{self._xaddr(each)}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>5</tt:Minor></tds:Version></tds:Service>"
            for each in self._services()
        )

    def _capabilities(self, _: str, now: datetime) -> str:
        names = {DEVICE: "Device", MEDIA: "Media", PTZ: "PTZ"}
        listed = "".join(
            f"<tt:{names[each]}><tt:XAddr>{self._xaddr(each)}</tt:XAddr></tt:{names[each]}>"
            for each in self._services()
            if each in names
        )
        return f"<tds:Capabilities>{listed}</tds:Capabilities>"

    def _information(self, _: str, now: datetime) -> str:
        plate = self.plate
        return (
            f"<tds:Manufacturer>{escape(plate.manufacturer)}</tds:Manufacturer>"
            f"<tds:Model>{escape(plate.model)}</tds:Model>"
            f"<tds:FirmwareVersion>{escape(plate.firmware)}</tds:FirmwareVersion>"
            f"<tds:SerialNumber>{escape(plate.serial_number)}</tds:SerialNumber>"
            "<tds:HardwareId>1</tds:HardwareId>"
        )

    def _scopes(self, _: str, now: datetime) -> str:
        return (
            "<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef>"
            "<tt:ScopeItem>onvif://www.onvif.org/Profile/Streaming</tt:ScopeItem></tds:Scopes>"
        )

    def _network_interfaces(self, _: str, now: datetime) -> str:
        return (
            '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info>'
            "<tt:Name>eth0</tt:Name><tt:HwAddress>00:00:5e:00:53:01</tt:HwAddress></tt:Info>"
            "</tds:NetworkInterfaces>"
        )

    def _profiles1(self, _: str, now: datetime) -> str:
        known = [each for each in self.profiles if each.encoding != "H265"]
        return "".join(_profile1(each, "Profiles") for each in known)

    def _profile1(self, token: str, now: datetime) -> str:
        return _profile1(self._profile(token), "Profile")

    def _encoders1(self, _: str, now: datetime) -> str:
        return "".join(
            f'<trt:Configurations token="ve">{_encoder(each)}</trt:Configurations>'
            for each in self.profiles
        )

    def _profiles2(self, _: str, now: datetime) -> str:
        return "".join(
            f"<tr2:Profiles token={quoteattr(each.token)}><tr2:Name>{escape(each.name)}</tr2:Name>"
            f'<tr2:Configurations><tr2:VideoEncoder token="ve">{_encoder(each)}'
            "</tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>"
            for each in self.profiles
        )

    def _stream_uri1(self, token: str, now: datetime) -> str:
        return f"<trt:MediaUri><tt:Uri>{escape(self._uri(token))}</tt:Uri></trt:MediaUri>"

    def _stream_uri2(self, token: str, now: datetime) -> str:
        return f"<tr2:Uri>{escape(self._uri(token))}</tr2:Uri>"

    def _snapshot_uri(self, token: str, now: datetime) -> str:
        self._profile(token)
        return f"<trt:MediaUri><tt:Uri>http://{self.host}/snapshot.jpg</tt:Uri></trt:MediaUri>"

    def _snapshot_uri2(self, token: str, now: datetime) -> str:
        self._profile(token)
        return f"<tr2:Uri>http://{self.host}/snapshot.jpg</tr2:Uri>"

    def _uri(self, token: str) -> str:
        profile = self._profile(token)
        host = self.odd.told_host or self.host
        right = f"rtsp://{host}:{profile.rtsp_port}{profile.path}"
        return dict(self.odd.stream_uris).get(token, right)

    def _profile(self, token: str) -> Profile:
        for profile in self.profiles:
            if profile.token == token:
                return profile
        raise NotKnown(f"profile {token}")


def envelope(body: str) -> str:
    return f"<?xml version='1.0'?><s:Envelope {_NAMESPACES}><s:Body>{body}</s:Body></s:Envelope>"


def fault(subcode: str, reason: str) -> str:
    return envelope(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>"
        f"<s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
    )


def _fixed(text: str) -> Callable[[str, datetime], str]:
    return lambda token, now: text


def _profile1(profile: Profile, tag: str) -> str:
    return (
        f"<trt:{tag} token={quoteattr(profile.token)}><tt:Name>{escape(profile.name)}</tt:Name>"
        f'<tt:VideoSourceConfiguration token="vsc"><tt:Name>source</tt:Name>'
        '<tt:Bounds width="2560" height="1440" x="0" y="0"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="ve">{_encoder(profile)}'
        f"</tt:VideoEncoderConfiguration></trt:{tag}>"
    )


def _encoder(profile: Profile) -> str:
    return (
        f"<tt:Name>encoder</tt:Name><tt:Encoding>{profile.encoding}</tt:Encoding><tt:Resolution>"
        f"<tt:Width>{profile.width}</tt:Width><tt:Height>{profile.height}</tt:Height>"
        "</tt:Resolution><tt:RateControl>"
        f"<tt:FrameRateLimit>{profile.frame_rate}</tt:FrameRateLimit>"
        "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>"
    )
