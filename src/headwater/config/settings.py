"""`Settings`: every room's settings in one frozen value.

The standard library only: `headwater.app` imports this module, and `import headwater` must load
nothing else. Reading files and checking values with pydantic lives in `headwater.config.file`.
"""

from dataclasses import dataclass, field
from typing import Annotated

from headwater.access.settings import AccessSettings
from headwater.api.settings import ApiSettings
from headwater.applies import NOW
from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.settings import WorkerSettings
from headwater.config.path_section import PathSection, check_sections, path_sections
from headwater.control.settings import ControlSettings
from headwater.hooks.settings import HookSettings
from headwater.http.settings import HttpSettings
from headwater.media.path_override import PathOverride
from headwater.media.settings import MountOverride, MountSettings
from headwater.net.settings import ClientCertificates, SocketSettings, TlsSettings
from headwater.relay.limit_settings import LimitSettings
from headwater.server.settings import ServerSettings, SessionSettings
from headwater.setting_fields import Choice, take_fields
from headwater.sources.plan import check_sources
from headwater.sources.settings import SourceSettings, SourcesSettings
from headwater.transports.settings import RtpSettings
from headwater.webrtc.settings import WebRtcSettings


class LogLevel(Choice):
    """How much is logged; each level includes those after it."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Choice):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogSettings:
    """What the command line logs, and how; a program that embeds the server sets up `logging`."""

    level: Annotated[
        LogLevel, NOW, "Lowest level that is logged: debug, info, warning or error."
    ] = LogLevel.INFO
    format: Annotated[
        LogFormat,
        NOW,
        "`text` for people (coloured on a terminal), `json` for one JSON object a line.",
    ] = LogFormat.TEXT

    def __post_init__(self) -> None:
        take_fields(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole configuration of one server: one field per section of the file."""

    server: ServerSettings = field(default_factory=ServerSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    webrtc: WebRtcSettings = field(default_factory=WebRtcSettings)
    sessions: SessionSettings = field(default_factory=SessionSettings)
    rtp: RtpSettings = field(default_factory=RtpSettings)
    sockets: SocketSettings = field(default_factory=SocketSettings)
    mounts: MountSettings = field(default_factory=MountSettings)
    paths: dict[str, PathSection] = field(default_factory=dict)
    sources: SourcesSettings = field(default_factory=SourcesSettings)
    mount_overrides: Annotated[tuple[MountOverride, ...], NOW] = ()
    limits: LimitSettings = field(default_factory=LimitSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    hooks: HookSettings = field(default_factory=HookSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    control: ControlSettings = field(default_factory=ControlSettings)
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", path_sections(self.paths))
        take_fields(self)
        check_sections(self.paths, self)
        check_sources(self.overrides_of(SourceSettings))
        for name in ("rtsps_port", "tls_only"):
            if (value := getattr(self.server, name)) and not self.tls.enabled:
                shown = str(value).lower() if isinstance(value, bool) else value
                raise ValueError(f"server.{name} is {shown}; it needs tls.certificate")
        if self.http.tls_only and not self.tls.enabled:
            raise ValueError("http.tls_only is true; it needs tls.certificate")
        if self.http.http2_port is not None:
            self._check_http2(self.http.http2_port)

    def _check_http2(self, port: int) -> None:
        if not self.tls.enabled:
            raise ValueError(f"http.http2_port is {port}; it needs tls.certificate")
        if self.tls.client_certificates is not ClientCertificates.NONE:
            raise ValueError(
                f"http.http2_port is {port}; it cannot ask for certificates of peers, which "
                "tls.client_certificates wants"
            )

    def overrides_of(self, settings_class: type) -> tuple[PathOverride, ...]:
        """Return what differs of a room's settings for chosen paths, in the order of application.

        Of mounts, `mount_overrides` come before `paths`.
        """
        older = self.mount_overrides if settings_class is MountSettings else ()
        by_path = (each.override(pattern, settings_class) for pattern, each in self.paths.items())
        return (*older, *by_path)
