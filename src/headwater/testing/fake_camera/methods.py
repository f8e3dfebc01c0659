"""What the camera does for each method (RFC 2326 §10)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from headwater.testing.fake_camera.carrier import Group, Interleaved, PortPair
from headwater.testing.fake_camera.description import describe
from headwater.testing.fake_camera.exchange import Exchange
from headwater.testing.fake_camera.flow import Flow
from headwater.testing.fake_camera.message import Answer
from headwater.testing.fake_camera.session import CameraSession
from headwater.testing.fake_camera.settings import Transport

SDP = "application/sdp"


def answer(exchange: Exchange) -> Answer:
    """The answer of a camera without faults."""
    camera = exchange.camera
    settings = camera.settings
    if exchange.method not in settings.methods or exchange.method not in _METHODS:
        return Answer(501, (("Public", ", ".join(settings.methods)),))
    refusal = _refusal(exchange)
    if refusal is not None:
        return refusal
    named = (exchange.request.header("Session") or "").partition(";")[0].strip()
    if named and exchange.session is None:
        return Answer(454)
    return _METHODS[exchange.method](exchange)


def _refusal(exchange: Exchange) -> Answer | None:
    door = exchange.camera.door_of(exchange.connection)
    if door is None or door.admits(exchange.request):
        return None
    stale = door.stale(exchange.request)
    return Answer(401, tuple(("WWW-Authenticate", v) for v in door.challenges(stale=stale)))


def _options(exchange: Exchange) -> Answer:
    return Answer(headers=(("Public", ", ".join(exchange.camera.settings.methods)), *_id(exchange)))


def _describe(exchange: Exchange) -> Answer:
    camera = exchange.camera
    if not camera.serves(exchange.request.uri):
        return Answer(404)
    text = describe(camera.settings.tracks, camera.settings.host, camera.controls)
    headers = (("Content-Type", SDP), ("Content-Base", f"{camera.url}/"))
    return Answer(headers=headers, body=text.encode())


def _setup(exchange: Exchange) -> Answer:
    camera = exchange.camera
    index = camera.track_index(exchange.request.uri)
    if index is None:
        return Answer(404)
    session = exchange.session
    if session is None:
        most = camera.settings.sessions_at_most
        if most is not None and len(camera.live_sessions) >= most:
            return Answer(453)
        session = camera.open_session(exchange.connection)
    if session.playing or index in session.flows:
        return Answer(455)
    flow = _flow(exchange, session, index)
    if flow is None:
        if not session.flows:
            session.end("no transport fitted")
        return Answer(461)
    session.flows[index] = flow
    exchange.session = session
    transport = f'{flow.carrier.parameters};ssrc={flow.ssrc:08X};mode="PLAY"'
    return Answer(headers=(("Transport", transport), *_id(exchange)))


def _flow(exchange: Exchange, session: CameraSession, index: int) -> Flow | None:
    """The flow by the first transport of the request that this camera can do."""
    camera, connection = exchange.camera, exchange.connection
    name = f"{camera.settings.seed}/{session.id}/{index}"
    for offer in (exchange.request.header("Transport") or "").split(","):
        profile, *parameters = (part.strip() for part in offer.split(";"))
        pairs = dict(part.partition("=")[::2] for part in parameters)
        kind = Transport.UDP
        if profile.upper().endswith("/TCP"):
            kind = Transport.TCP
        elif "multicast" in pairs:
            kind = Transport.MULTICAST
        if not profile.upper().startswith("RTP/AVP") or kind not in camera.settings.transports:
            continue
        if kind is Transport.MULTICAST:
            if index not in camera.groups:
                carrier = Group(camera.settings.group, camera.settings.group_interface)
                camera.groups[index] = Flow(camera, index, carrier, f"{name}/group")
            return camera.groups[index]
        if kind is Transport.TCP or camera.settings.udp_becomes_tcp:
            first, second = _pair(pairs.get("interleaved", f"{2 * index}"))
            offset = camera.settings.channel_offset
            channels = (first + offset, second + offset)
            connection.sessions[channels[0]] = connection.sessions[channels[1]] = session
            return Flow(camera, index, Interleaved(connection, channels), name)
        if "client_port" in pairs:
            client = (connection.peer_host, *_pair(pairs["client_port"]))
            ports = PortPair(camera.settings, client, session.hear, connection.loop)
            return Flow(camera, index, ports, name)
    return None


def _play(exchange: Exchange) -> Answer:
    session = exchange.session
    if session is None:
        return Answer(454)
    if not session.flows:
        return Answer(455)
    rtp_info = ",".join(
        f"url={exchange.camera.track_url(index)};seq={flow.seq};rtptime={flow.rtptime}"
        for index, flow in session.flows.items()
    )
    exchange.afterwards.append(session.play)
    return Answer(headers=(*_id(exchange), ("Range", "npt=now-"), ("RTP-Info", rtp_info)))


def _pause(exchange: Exchange) -> Answer:
    if exchange.session is None:
        return Answer(454)
    exchange.session.pause()
    return Answer(headers=_id(exchange))


def _teardown(exchange: Exchange) -> Answer:
    session = exchange.session
    if session is None:
        return Answer(454)
    exchange.afterwards.append(partial(session.end, "TEARDOWN"))
    return Answer(headers=_id(exchange))


def _parameter(exchange: Exchange) -> Answer:
    return Answer(headers=_id(exchange))


def _id(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    if exchange.session is None:
        return ()
    settings = exchange.camera.settings
    timeout_s = settings.advertised_timeout_s
    if timeout_s is None:
        timeout_s = max(1, round(settings.session_timeout_s))
    return (("Session", f"{exchange.session.id};timeout={timeout_s}"),)


def _pair(text: str) -> tuple[int, int]:
    first, _, second = text.partition("-")
    return int(first), int(second or int(first) + 1)


_METHODS: dict[str, Callable[[Exchange], Answer]] = {
    "OPTIONS": _options,
    "DESCRIBE": _describe,
    "SETUP": _setup,
    "PLAY": _play,
    "PAUSE": _pause,
    "TEARDOWN": _teardown,
    "GET_PARAMETER": _parameter,
    "SET_PARAMETER": _parameter,
}
