"""Every target by its name: the module in `fuzz.targets` that holds it."""

from __future__ import annotations

import importlib
from pathlib import Path

from fuzz.target import Target

FOLDER = Path(__file__).resolve().parent
CORPUS = FOLDER / "corpus"
WORK = FOLDER / "work"

TARGET_NAMES = (
    "wire_cuts",
    "wire_stream",
    "wire_messages",
    "wire_limits",
    "interleaved",
    "headers",
    "header_transport",
    "header_session",
    "header_rtp_info",
    "header_range",
    "header_authenticate",
    "header_authorization",
    "header_require",
    "header_cseq",
    "header_retry_after",
    "header_methods",
    "rtsp_uri",
    "mount_path",
    "control",
    "sdp",
    "sdp_limits",
    "sdp_line",
    "sdp_relay",
    "sdp_takeover",
    "rtp",
    "rtcp",
    "rtcp_rewrite",
    "rtcp_build",
    "rtcp_pace",
    "reception",
    "key_frames",
    "depacketizers",
    "nal_parameters",
    "nal_payloads",
    "codec_configs",
    "payloads",
    "mp4",
    "feeds",
    "track",
    "mount",
    "digest",
    "access",
    "bus",
    "proxy_protocol",
    "farewell",
    "shown_text",
    "path_pattern",
    "hook_answers",
    "config_file",
    "config_text",
    "stun",
    "webrtc_offer",
    "incoming_track",
)


def load(name: str) -> Target:
    """The target of this name. Raises KeyError when there is none."""
    if name not in TARGET_NAMES:
        raise KeyError(name)
    target = importlib.import_module(f"fuzz.targets.{name}").TARGET
    assert isinstance(target, Target), name
    return target


def seeds(name: str) -> list[Path]:
    """The committed inputs of a target."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())
