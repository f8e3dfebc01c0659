"""RTSP 1.0 without I/O: bytes in, events out. No sockets, no clock, no randomness.

Usable on its own, as h11 is for HTTP; `docs/protocol.md` shows how. Everything named here is
public and stable. The modules `rtp`, `rtcp`, `rtcp_build` and `reception` hold the views of RTP
and RTCP packets, as functions.
"""

from headwater.protocol.connection_parser import WireParser
from headwater.protocol.control import ControlTarget, resolve_control, split_control
from headwater.protocol.digest import (
    DigestAlgorithm,
    algorithm_named,
    answer_challenge,
    digest_matches,
    digest_response,
    ha1,
)
from headwater.protocol.errors import Fault, ProtocolError, StateError
from headwater.protocol.header.authenticate import (
    BasicChallenge,
    Challenge,
    DigestChallenge,
    format_challenge,
    parse_challenges,
)
from headwater.protocol.header.authorization import (
    BasicCredentials,
    Credentials,
    DigestCredentials,
    OtherCredentials,
    format_authorization,
    parse_authorization,
)
from headwater.protocol.header.cseq import parse_cseq
from headwater.protocol.header.method_list import format_methods, parse_methods
from headwater.protocol.header.range import RangeHeader, SmpteTime, npt_range, parse_range
from headwater.protocol.header.require import unsupported_options
from headwater.protocol.header.retry_after import format_retry_after, parse_retry_after
from headwater.protocol.header.rtp_info import RtpInfoEntry, format_rtp_info, parse_rtp_info
from headwater.protocol.header.session import SessionHeader, format_session, parse_session
from headwater.protocol.header.transport import (
    LowerTransport,
    TransportSpec,
    format_transport,
    parse_transport,
)
from headwater.protocol.headers import Headers
from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.method import Method
from headwater.protocol.rtsp_uri import RtspUri, mount_path
from headwater.protocol.sdp import MediaDescription, SessionDescription
from headwater.protocol.sdp_lines import RtpMap
from headwater.protocol.sdp_relay import MediaSection, MulticastEndpoint
from headwater.protocol.session_states import (
    SessionState,
    allowed_methods,
    next_state,
)
from headwater.protocol.status import Status, reason_of
from headwater.protocol.wire_limits import DescriptionLimits, WireLimits

__all__ = [
    "BasicChallenge",
    "BasicCredentials",
    "Challenge",
    "ControlTarget",
    "Credentials",
    "DescriptionLimits",
    "DigestAlgorithm",
    "DigestChallenge",
    "DigestCredentials",
    "Fault",
    "Headers",
    "InterleavedFrames",
    "LowerTransport",
    "MediaDescription",
    "MediaSection",
    "Method",
    "MulticastEndpoint",
    "OtherCredentials",
    "ProtocolError",
    "RangeHeader",
    "Request",
    "Response",
    "RtpInfoEntry",
    "RtpMap",
    "RtspUri",
    "SessionDescription",
    "SessionHeader",
    "SessionState",
    "SmpteTime",
    "StateError",
    "Status",
    "TransportSpec",
    "WireLimits",
    "WireParser",
    "algorithm_named",
    "allowed_methods",
    "answer_challenge",
    "digest_matches",
    "digest_response",
    "format_authorization",
    "format_challenge",
    "format_methods",
    "format_retry_after",
    "format_rtp_info",
    "format_session",
    "format_transport",
    "frame_interleaved",
    "ha1",
    "mount_path",
    "next_state",
    "npt_range",
    "parse_authorization",
    "parse_challenges",
    "parse_cseq",
    "parse_methods",
    "parse_range",
    "parse_retry_after",
    "parse_rtp_info",
    "parse_session",
    "parse_transport",
    "reason_of",
    "resolve_control",
    "split_control",
    "unsupported_options",
]
