"""Oddities of PLAY, of keep-alive and of the end."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.testing.fake_camera.exchange import Exchange
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.faults import (
    Ask,
    NoAnswer,
    ReportBeforePlayAnswer,
    Require,
    Rewrite,
    SetHeader,
    StaleFrames,
)
from headwater.testing.fake_camera.message import Answer
from headwater.testing.fake_camera.quirk import Quirk
from headwater.testing.fake_camera.settings import METHODS


def _rtp_info(name: str, device: str, does: str, pattern: str, replacement: str) -> Quirk:
    return Quirk(name, device, does, (Rewrite("PLAY", "RTP-Info", pattern, replacement),))


@dataclass(frozen=True)
class SsrcInRtpInfo(Fault):
    """Names the SSRC of each track in RTP-Info."""

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """The answer with the SSRC behind each entry."""
        value = answer.header("RTP-Info")
        if exchange.session is None or value is None:
            return answer
        pairs = zip(value.split(","), exchange.session.flows.values(), strict=True)
        entries = ",".join(f"{entry};ssrc={flow.ssrc:08X}" for entry, flow in pairs)
        return answer.with_header("RTP-Info", entries)


@dataclass(frozen=True)
class TeardownElsewhere(Fault):
    """Answers 500 to a TEARDOWN that comes on another connection than its SETUP."""

    def request(self, exchange: Exchange) -> Answer | None:
        """The refusal."""
        session = exchange.session
        foreign = session is not None and session.connection is not exchange.connection
        return Answer(500) if exchange.method == "TEARDOWN" and foreign else None


PLAYING = (
    Quirk(
        "range-demanded",
        "Parrot",
        "refuses PLAY without Range: npt=0-",
        (Require("PLAY", "Range", r"npt=0(\.0+)?-", 457),),
    ),
    Quirk(
        "report-before-play-answer",
        "Reolink",
        "sends an interleaved sender report before the answer to PLAY",
        (ReportBeforePlayAnswer(),),
    ),
    _rtp_info("rtp-info-seq-0", "Hikvision", "says seq=0, which is not so", r"seq=\d+", "seq=0"),
    _rtp_info("rtp-info-seq-1", "Tapo C320WS", "says seq=1, which is not so", r"seq=\d+", "seq=1"),
    _rtp_info(
        "rtp-info-rtptime-0",
        "many",
        "says rtptime=0, which is not so",
        r"rtptime=\d+",
        "rtptime=0",
    ),
    _rtp_info(
        "rtp-info-path",
        "gortsplib ab6826e6",
        "names tracks without the base",
        "url=[^;,]*/",
        "url=",
    ),
    _rtp_info("rtp-info-blanks", "gortsplib d39996c8", "has blanks in RTP-Info", ";", " ; "),
    _rtp_info(
        "rtp-info-unknown-track",
        "retina",
        "names a track in RTP-Info that is not there",
        "$",
        ",url=rtsp://{address}/stream/trackID=99;seq=1;rtptime=1",
    ),
    _rtp_info(
        "rtp-info-wrong-url",
        "GW4089IP",
        "names the only track by a wrong URL",
        "url=[^;,]*",
        "url=rtsp://192.0.2.1/elsewhere",
    ),
    Quirk(
        "no-rtp-info",
        "many",
        "answers PLAY without RTP-Info",
        (SetHeader("PLAY", "RTP-Info", None),),
    ),
    Quirk(
        "ssrc-in-rtp-info-only",
        "Reolink",
        "names the SSRC in RTP-Info and nowhere else",
        (Rewrite("SETUP", "Transport", ";ssrc=[^;]*", ""), SsrcInRtpInfo()),
    ),
    Quirk(
        "stale-frames",
        "live555 before 2017.06.04",
        "sends frames of a session that is over into a new connection",
        (StaleFrames(),),
    ),
    Quirk(
        "no-get-parameter",
        "many",
        "knows neither GET_PARAMETER nor SET_PARAMETER, and does not offer them",
        settings={"methods": METHODS},
    ),
    Quirk(
        "keep-alive-by-options",
        "many",
        "takes only OPTIONS for a sign of life, within two seconds",
        settings={
            "methods": METHODS,
            "alive_by": frozenset({"OPTIONS"}),
            "session_timeout_s": 2.0,
        },
    ),
    Quirk(
        "keep-alive-by-get-parameter",
        "many",
        "takes only GET_PARAMETER for a sign of life, within two seconds",
        settings={"alive_by": frozenset({"GET_PARAMETER"}), "session_timeout_s": 2.0},
    ),
    Quirk(
        "keep-alive-by-reports",
        "gortsplib 8fdc7193",
        "takes only receiver reports for a sign of life, within six seconds; says 60",
        settings={
            "alive_by": frozenset({"RTCP"}),
            "session_timeout_s": 6.0,
            "advertised_timeout_s": 60,
        },
    ),
    Quirk(
        "keep-alive-unanswered",
        "gortsplib",
        "never answers GET_PARAMETER, which it takes for a sign of life",
        (NoAnswer("GET_PARAMETER"),),
        {"session_timeout_s": 2.0},
    ),
    Quirk(
        "asks-options",
        "gortsplib ed4bbe39",
        "asks the client for OPTIONS",
        (Ask("OPTIONS"),),
    ),
    Quirk(
        "asks-set-parameter",
        "gortsplib ed4bbe39",
        "sends the client SET_PARAMETER, with a body",
        (Ask("SET_PARAMETER", "Content-Type: text/parameters\r\n", b"motion: 1\r\n"),),
    ),
    Quirk(
        "asks-announce",
        "gortsplib ed4bbe39",
        "sends the client a description anew by ANNOUNCE",
        (Ask("ANNOUNCE", "Content-Type: application/sdp\r\n", b"v=0\r\ns=new\r\n"),),
    ),
    Quirk(
        "session-bound-to-connection",
        "Hikvision DS-2CD2032",
        "ends a session over UDP with its connection; 500 to a TEARDOWN on another",
        (TeardownElsewhere(),),
        {"bound_to_connection": True},
    ),
)
