"""Oddities of SETUP: transports, ports, channels, sessions."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.testing.fake_camera.exchange import Exchange
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.faults import Refuse, Rewrite, SetHeader
from headwater.testing.fake_camera.message import Answer
from headwater.testing.fake_camera.quirk import Quirk
from headwater.testing.fake_camera.settings import Transport

_TCP_ONLY = frozenset({Transport.TCP})
_UDP_ONLY = frozenset({Transport.UDP})


@dataclass(frozen=True)
class NothingAfterRefusal(Fault):
    """Answers 400 to every SETUP on a connection but the first one."""

    def request(self, exchange: Exchange) -> Answer | None:
        """The refusal, where the connection's first SETUP was refused."""
        refused = exchange.session is None and exchange.number > 1
        return Answer(400) if exchange.method == "SETUP" and refused else None


def _answer(name: str, device: str, does: str, pattern: str, replacement: str) -> Quirk:
    return Quirk(name, device, does, (Rewrite("SETUP", "Transport", pattern, replacement),))


def _ssrc(name: str, device: str, does: str, value: str) -> Quirk:
    return _answer(name, device, does, r"ssrc=(\w+)", f"ssrc={value}")


SETUP = (
    Quirk(
        "mode-play-refused",
        "gortsplib",
        "refuses a Transport header with mode=PLAY",
        (Refuse("SETUP", "Transport", "(?i)mode=", 400),),
    ),
    Quirk(
        "other-channels",
        "gortsplib accfc7cd",
        "takes other interleaved channels than it was asked for",
        settings={"channel_offset": 8},
    ),
    _answer(
        "one-channel",
        "go2rtc client.go",
        "names the first interleaved channel only",
        r"interleaved=(\d+)-\d+",
        r"interleaved=\1",
    ),
    _answer(
        "two-transports",
        "go2rtc client.go",
        "names two transports in one answer",
        r"^(.*)$",
        r"\1,RTP/AVP;unicast",
    ),
    _answer(
        "interleaved-without-tcp",
        "Escam Q6",
        "answers RTP/AVP where RTP/AVP/TCP is meant",
        "^RTP/AVP/TCP",
        "RTP/AVP",
    ),
    Quirk(
        "udp-becomes-tcp",
        "gortsplib",
        "is asked for UDP, and answers with interleaved channels",
        settings={"udp_becomes_tcp": True},
    ),
    Quirk("tcp-only", "many", "answers 461 to UDP", settings={"transports": _TCP_ONLY}),
    Quirk(
        "tcp-only-on-a-new-connection",
        "gortsplib",
        "answers 461 to UDP, and 400 to whatever comes on that connection then",
        (NothingAfterRefusal(),),
        {"transports": _TCP_ONLY},
    ),
    Quirk(
        "udp-only", "Home Assistant#23094", "answers 461 to TCP", settings={"transports": _UDP_ONLY}
    ),
    _answer(
        "no-server-port", "gortsplib 30b43a9e", "names no server_port", ";server_port=[^;]*", ""
    ),
    _answer(
        "server-port-0",
        "gortsplib 363871d6",
        "names 0-1 as its ports",
        "server_port=[^;]*",
        "server_port=0-1",
    ),
    Quirk(
        "other-source-port",
        "OpenIPC",
        "sends from other ports than server_port names",
        settings={"sends_from_told_ports": False},
    ),
    _answer(
        "source-is-a-name",
        "gortsplib 5bea1d7f",
        "names a host in source, and nothing in destination",
        "unicast",
        "unicast;source=camera.invalid;destination=",
    ),
    _ssrc("ssrc-leading-blank", "Hikvision", "has a blank before the SSRC", r" \1"),
    _ssrc("ssrc-short", "gortsplib e99f799c", "gives fewer than eight digits of SSRC", "1A2B"),
    _ssrc("ssrc-odd-length", "retina", "gives an odd number of digits of SSRC", "1A2B3"),
    _ssrc("ssrc-decimal", "gortsplib 2c0d28ec", "gives the SSRC in decimals", "3735928559"),
    _ssrc("ssrc-wrong", "many", "gives an SSRC that it does not use", "00000000"),
    Quirk(
        "session-changes",
        "retina",
        "names another session in the answer to a later SETUP",
        (Rewrite("SETUP", "Session", r"^\w+", "DIFFERENT", after=1),),
    ),
    Quirk(
        "timeout-with-blanks",
        "many",
        "has blanks around the session's time-out",
        (Rewrite("SETUP", "Session", ";timeout=", " ; timeout = "),),
    ),
    Quirk(
        "timeout-zero",
        "many",
        "says that a session lasts 0 seconds",
        settings={"advertised_timeout_s": 0},
    ),
    Quirk(
        "no-timeout",
        "many",
        "names no time-out of the session, which means 60 seconds",
        (Rewrite("SETUP", "Session", ";.*", ""),),
    ),
    Quirk(
        "no-transport-answer",
        "RFC 2326 §12.39",
        "breaks it: answers SETUP without a Transport header",
        (SetHeader("SETUP", "Transport", None),),
    ),
    Quirk(
        "two-sessions-at-most",
        "many",
        "answers 453 to a third session",
        settings={"sessions_at_most": 2},
    ),
)
