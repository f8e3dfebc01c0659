"""Settings of the mounts: who may take them, how long they wait, what slow readers get."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from headwater.applies import NEXT_MOUNT, NEXT_SESSION, NOW
from headwater.media.path_override import PathOverride, path_override
from headwater.setting_fields import Choice, take_fields

_MIB = 1 << 20


class SecondPublisher(Choice):
    """What happens when a second publisher comes to a mount that has one."""

    REFUSE = "refuse"
    REPLACE = "replace"


class SlowReaderPolicy(Choice):
    """What happens to a reader whose queue passes its bounds."""

    DROP = "drop"
    DISCONNECT = "disconnect"


class SoundByWebRtc(Choice):
    """What browsers get by WebRTC of sound that they cannot play so, such as AAC."""

    NONE = "none"
    OPUS = "opus"


@dataclass(frozen=True, kw_only=True, slots=True)
class MountSettings:
    """How a mount behaves; `[paths."…"]` changes it for chosen paths."""

    publisher_idle_timeout_s: Annotated[
        float,
        NOW,
        "If no packet comes from the publisher for this many seconds (on all its tracks "
        "together), the server closes the publisher. 0: never.",
    ] = 10.0
    on_second_publisher: Annotated[
        SecondPublisher,
        NOW,
        "What happens when a second publisher comes to a mount. `refuse`: it gets 503. "
        "`replace`: the server closes the first publisher; readers stay if the descriptions fit "
        "together.",
    ] = SecondPublisher.REFUSE
    grace_s: Annotated[
        float,
        NOW,
        "Seconds that readers stay when their publisher has gone, while the server waits for a "
        "publisher with the same description. Then readers get RTCP BYE and are closed. 0: they "
        "are closed at once.",
    ] = 10.0
    max_readers: Annotated[
        int, NOW, "Most readers of one mount at a time. The next one gets 453. 0: no limit."
    ] = 0
    instant_start: Annotated[
        bool,
        NOW,
        "A new reader begins with the last key frame and everything that has come since, "
        "instead of the next packet. A reader can choose for itself with `?instant_start=0` or "
        "`=1` in its URL.",
    ] = True
    make_sender_reports: Annotated[
        bool,
        NOW,
        "If a track's publisher has sent no RTCP sender report for 10 seconds, the server makes "
        "reports for readers from the times at which packets came. Some recorders wait for a "
        "report before they record.",
    ] = True
    request_key_frames: Annotated[
        bool,
        NOW,
        "If a reader asks for a key frame (RTCP PLI or FIR), or begins without one, the server "
        "asks the publisher for one, at most once a second for each track. Some encoders do not "
        "answer. false: the server never asks.",
    ] = True
    gop_cache_max_bytes: Annotated[
        int,
        NOW,
        "Most bytes that the server keeps of a mount since its last key frame. If there are "
        "more, it keeps nothing until the next key frame, and new readers begin with live "
        "packets.",
    ] = 16 * _MIB
    gop_cache_max_s: Annotated[
        float,
        NOW,
        "Longest time since the last key frame, in seconds, for which the server keeps packets. "
        "After that it keeps nothing until the next key frame, and new readers begin with live "
        "packets.",
    ] = 20.0
    catch_up_speed: Annotated[
        float,
        NEXT_SESSION,
        "How fast a UDP reader gets the kept packets: a multiple of the rate at which they "
        "came. It must be more than 1.",
    ] = 4.0
    catch_up_burst_bytes: Annotated[
        int,
        NEXT_SESSION,
        "Most bytes that a UDP reader gets at once (every 5 ms) while it catches up. They must "
        "fit into the player's receive buffer: Linux has room for about 110,000 bytes of media "
        "by default.",
    ] = 48 * 1024
    catch_up_max_bytes: Annotated[
        int,
        NEXT_SESSION,
        "Most bytes of live packets that may wait for one reader while it catches up, in "
        "addition to the kept ones. Beyond it, the reader skips to the next key frame.",
    ] = 16 * _MIB
    catch_up_max_s: Annotated[
        float,
        NEXT_SESSION,
        "Longest time, in seconds, that a reader may take to catch up. Then it skips to the "
        "next key frame.",
    ] = 30.0
    slow_reader_policy: Annotated[
        SlowReaderPolicy,
        NEXT_MOUNT,
        "What happens to a reader when more waits for it than the limits allow. `drop`: it "
        "loses packets up to the next key frame. `disconnect`: the server closes it, so that it "
        "never misses a part without noticing.",
    ] = SlowReaderPolicy.DROP
    slow_reader_max_bytes: Annotated[
        int,
        NEXT_MOUNT,
        "Most bytes that may wait for one reader. With more, the reader counts as slow.",
    ] = 2 * _MIB
    slow_reader_max_age_s: Annotated[
        float,
        NEXT_MOUNT,
        "Longest time, in seconds, that a packet may wait for a reader. After that, the reader "
        "counts as slow. This limits how late a reader's picture can be.",
    ] = 3.0
    slow_reader_disconnect_s: Annotated[
        float,
        NEXT_MOUNT,
        "A reader that has been slow for this many seconds without a break is closed. 0: never. "
        "UDP readers of a track share a socket, which is slow for all of them: the server "
        "closes the latest half of them at a time.",
    ] = 20.0
    key_frame_wait_s: Annotated[
        float,
        NEXT_MOUNT,
        "Longest time, in seconds, that a reader waits for a key frame after it has lost "
        "packets. Then it goes on with the next packet, because some streams stop sending key "
        "frames.",
    ] = 15.0
    audio: Annotated[
        SoundByWebRtc,
        NEXT_MOUNT,
        "What browsers get by WebRTC of a mount with AAC, which no browser plays by WebRTC. "
        "`none`: the picture alone; the page plays the mount by MSE, with its sound. `opus`: the "
        "server makes Opus of it, once for all viewers and only while somebody watches by "
        "WebRTC. It needs `pip install '.[media]'` and about 1 % of a core.",
    ] = SoundByWebRtc.NONE
    multicast_group: Annotated[
        str,
        NEXT_MOUNT,
        "Multicast group (IPv4 or IPv6) to which the server sends the mount while readers ask "
        "for it. Empty: a request for multicast gets 461.",
    ] = ""
    multicast_port_start: Annotated[
        int,
        NEXT_MOUNT,
        "First UDP port of the group. Track N uses this port plus 2N for RTP and the next one "
        "for RTCP, or the next free pair if another mount of the group uses these. If members "
        "of a group should not get the traffic of all mounts, give each mount its own group. It "
        "must be even and at most 65532.",
    ] = 5000
    multicast_ttl: Annotated[
        int,
        NEXT_MOUNT,
        "Time to live (IPv4) or hop limit (IPv6) of multicast packets: 1 stays on the link.",
    ] = 1
    multicast_interface: Annotated[
        str,
        NEXT_MOUNT,
        "Interface for multicast: its address (IPv4) or its name. Empty: the routing table "
        "decides.",
    ] = ""

    def __post_init__(self) -> None:
        take_fields(self)
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.catch_up_speed <= 1:
            raise ValueError(f"catch_up_speed is {self.catch_up_speed}; it must be above 1")
        _check_multicast(self)


_NOT_NEGATIVE = (
    "publisher_idle_timeout_s",
    "grace_s",
    "max_readers",
    "gop_cache_max_bytes",
    "gop_cache_max_s",
    "slow_reader_disconnect_s",
)
_POSITIVE = (
    "catch_up_max_bytes",
    "catch_up_burst_bytes",
    "catch_up_max_s",
    "slow_reader_max_bytes",
    "slow_reader_max_age_s",
    "key_frame_wait_s",
)


def _check_multicast(settings: MountSettings) -> None:
    if settings.multicast_group:
        try:
            group = ipaddress.ip_address(settings.multicast_group)
        except ValueError:
            group = None
        if group is None or not group.is_multicast:
            raise ValueError(
                f"multicast_group is {settings.multicast_group!r}; it must be a multicast "
                "address (224.0.0.0/4 or ff00::/8) or empty"
            )
    if settings.multicast_port_start % 2 or not 1024 <= settings.multicast_port_start <= 65532:
        raise ValueError(
            f"multicast_port_start is {settings.multicast_port_start}; it must be even and from "
            "1024 to 65532"
        )
    if not 0 <= settings.multicast_ttl <= 255:
        raise ValueError(f"multicast_ttl is {settings.multicast_ttl}; it must be from 0 to 255")


if TYPE_CHECKING:

    class MountOverride(PathOverride):
        """Settings of mounts that differ for the paths that match a pattern."""

        def __init__(self, *, pattern: str, **changes: Any) -> None: ...

else:
    MountOverride = path_override(
        MountSettings,
        "MountOverride",
        "mounts",
        'Settings of chosen mounts in an older form, which works; write `[paths."cam/*"]` instead.',
    )
