"""A client agrees with a server on a track's way, whatever its answer lacks, and media takes it.

Each test negotiates as two programs would: the header of the client's offer is parsed, chosen from
and answered by the server's side, and the text of the answer goes back, bent as cameras bend it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from two_ends import CLIENT_PORTS, GROUP, GROUP_PORT, End, Kept, TwoEnds, audio, two_ends

from headwater.media.mount import Mount
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import parse_transport
from headwater.protocol.rtcp_build import receiver_report, sender_report
from headwater.transports.ingest import Ingest
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.interleaved.channels import DROPPED
from headwater.transports.offers.answered_transport import AnswerUnusable
from headwater.transports.offers.client_offer import ClientOffer
from headwater.transports.offers.negotiation import Offer, fitting
from headwater.transports.settings import TransportKind

UDP, TCP, MULTICAST = TransportKind.UDP, TransportKind.TCP, TransportKind.MULTICAST
V4, V6 = "127.0.0.1", "::1"
ANNOUNCED = (GROUP, GROUP_PORT)
SENDER_REPORT = sender_report(
    0x1234, ntp=1 << 40, rtp_timestamp=160, packets=1, octets=160, cname="camera"
)
RECEIVER_REPORT = receiver_report(0x5678, cname="reader")

Bend = Callable[[str], str | None]


def as_it_is(answer: str) -> str | None:
    return answer


def without(*names: str) -> Bend:
    """The answer without these parameters."""
    return lambda answer: ";".join(
        part for part in answer.split(";") if part.partition("=")[0] not in names
    )


def with_instead(name: str, value: str) -> Bend:
    """The answer with another value of a parameter; `{}` stands for its own."""

    def bend(answer: str) -> str:
        own = answer.partition(f"{name}=")[2].partition(";")[0]
        return f"{without(name)(answer)};{name}={value.format(own)}"

    return bend


def first_of_pair(name: str) -> Bend:
    return lambda answer: with_instead(name, answer.partition(f"{name}=")[2].partition("-")[0])(
        answer
    )


def chosen(offer: ClientOffer[object], host: str) -> Offer:
    """What the server takes of the offer's header."""
    [only] = fitting(parse_transport(offer.header), tuple(TransportKind), peer_ip=host)
    return only


def receiving_offer(
    end: End, kind: TransportKind, publisher: IngestPublisher, *, changing_ports: bool = False
) -> ClientOffer[Ingest]:
    return end.ends.receiving_offer(
        kind,
        publisher,
        end.wire.stream,
        end.wire.channels,
        announced=ANNOUNCED,
        changing_ports=changing_ports,
    )


async def passes(source: Mount, goal: Mount) -> None:
    """RTP and RTCP that is written to one mount comes out of the other as it was."""
    kept = Kept()
    goal.tracks[0].fan_out.add(kept)
    for first in (0, 20):
        source.tracks[0].write(audio(first, 20))
        await kept.until(lambda: len(kept.rtp) >= first + 20)  # noqa: B023 - awaited at once
    assert kept.rtp == audio(0, 40)
    source.tracks[0].write_rtcp([SENDER_REPORT])
    await kept.until(lambda: SENDER_REPORT in kept.rtcp)
    goal.tracks[0].fan_out.remove(kept)


async def client_receives(
    both: TwoEnds, kind: TransportKind, bend: Bend, *, changing_ports: bool = False
) -> None:
    server, client = both.server, both.client
    published = server.mount()
    reader = server.reader(kind, published)
    publisher = IngestPublisher(client.identity, kind)
    offer = receiving_offer(client, kind, publisher, changing_ports=changing_ports)
    answer = reader.add_track(0, published.tracks[0], chosen(offer, both.host)).to_header()
    publisher.put(0, offer.accept(bend(answer)))
    pulled = client.mount(publisher)
    publisher.start(pulled.tracks)
    publisher.open_nats()
    published.start_reader(reader, published.plan_start([0]))
    await passes(published, pulled)
    server.life.clear()
    publisher.send_rtcp(0, RECEIVER_REPORT)
    await server.life.wait()
    published.remove_reader(reader)
    reader.release()
    publisher.release()


async def client_sends(both: TwoEnds, kind: TransportKind, bend: Bend) -> None:
    server, client = both.server, both.client
    own = client.mount()
    reader = client.reader(kind, own)
    offer = client.ends.sending_offer(reader, 0, own.tracks[0])
    publisher = server.ends.publisher(
        kind, server.identity, server.wire.stream, server.wire.channels
    )
    taken = chosen(offer, both.host)
    assert taken.spec.mode == "RECORD"
    offer.accept(bend(publisher.add_track(0, taken).to_header()))
    pushed = server.mount(publisher)
    publisher.start(pushed.tracks)
    own.start_reader(reader, own.plan_start([0]))
    await passes(own, pushed)
    publisher.send_rtcp(0, RECEIVER_REPORT)
    await client.life.wait()
    own.remove_reader(reader)
    reader.release()
    publisher.release()


async def agreed(
    run: Callable[..., object], host: str, kind: TransportKind, bend: Bend, **how: bool
) -> None:
    """Run a direction between two ends, and see everything given back."""
    try:
        async with two_ends(host) as both:
            await run(both, kind, bend, **how)  # type: ignore[misc]
            assert both.server.nothing_is_taken()
            assert both.client.nothing_is_taken()
            assert both.server.wire.unknown_frames == both.client.wire.unknown_frames == 0
    except OSError as error:
        if kind is MULTICAST or host == V6:
            pytest.skip(f"no {kind} over {host} here: {error}")
        raise


@pytest.mark.parametrize(
    ("host", "kind"), [(V4, UDP), (V6, UDP), (V4, TCP), (V6, TCP), (V4, MULTICAST)]
)
async def test_client_receives_what_the_server_sends(host: str, kind: TransportKind) -> None:
    await agreed(client_receives, host, kind, as_it_is)


@pytest.mark.parametrize(("host", "kind"), [(V4, UDP), (V6, UDP), (V4, TCP), (V6, TCP)])
async def test_server_receives_what_the_client_sends(host: str, kind: TransportKind) -> None:
    await agreed(client_sends, host, kind, as_it_is)


ANY_KIND = [
    pytest.param(lambda _: None, id="no Transport header at all"),
    pytest.param(lambda _: "", id="empty header"),
    pytest.param(with_instead("ssrc", " 1F"), id="blank before the ssrc"),
    pytest.param(with_instead("ssrc", "zz"), id="ssrc beyond reading"),
    pytest.param(with_instead("ttl", "999"), id="ttl beyond reading"),
    pytest.param(with_instead("destination", "0.0.0.0"), id="destination 0.0.0.0"),
    pytest.param(with_instead("destination", ""), id="empty destination"),
    pytest.param(with_instead("source", ""), id="empty source"),
    pytest.param(with_instead("source", "camera.local"), id="host name as source"),
    pytest.param(with_instead("source", "0.0.0.0"), id="source 0.0.0.0"),
    pytest.param(without("source"), id="no source"),
    pytest.param(lambda answer: answer.partition(";")[2], id="no protocol"),
    pytest.param(lambda answer: f"x-other/udp;unicast,{answer}", id="another protocol before"),
]
NO_PORT_TOLD = [
    pytest.param(without("server_port"), id="no server_port"),
    pytest.param(with_instead("server_port", "0-0"), id="server_port 0-0"),
    pytest.param(with_instead("server_port", "0-1"), id="server_port 0-1"),
    pytest.param(with_instead("server_port", "0"), id="server_port 0"),
    pytest.param(with_instead("server_port", "99999"), id="server_port beyond reading"),
]
OVER_UDP = [
    pytest.param(first_of_pair("server_port"), id="server_port of RTP alone"),
    pytest.param(with_instead("server_port", '"{}"'), id="quoted server_port"),
    pytest.param(with_instead("client_port", "0-0"), id="client_port 0-0"),
    pytest.param(with_instead("client_port", "6000-6001"), id="another client_port"),
    pytest.param(with_instead("source", "127.0.0.9"), id="another source"),
    pytest.param(with_instead("source", "192.0.2.1"), id="source out of reach"),
    pytest.param(with_instead("source", "2001:db8::1"), id="source of the other family"),
    pytest.param(lambda answer: f"RTP/AVP/TCP;interleaved=0-1,{answer}", id="two transports"),
]
OVER_TCP = [
    pytest.param(without("interleaved"), id="no channels"),
    pytest.param(first_of_pair("interleaved"), id="channel of RTP alone"),
    pytest.param(with_instead("interleaved", '"{}"'), id="quoted channels"),
    pytest.param(with_instead("interleaved", "5-5"), id="channels beyond reading"),
    pytest.param(lambda answer: answer.replace("/TCP", ""), id="Escam Q6: no /TCP"),
    pytest.param(lambda _: "RTP/AVP;unicast", id="the protocol alone"),
    pytest.param(lambda answer: f"RTP/AVP;server_port=5000-5001,{answer}", id="two transports"),
]
TO_A_GROUP = [
    pytest.param(without("destination"), id="group in the SDP alone"),
    pytest.param(with_instead("port", "0-0"), id="port in the SDP alone"),
    pytest.param(without("multicast"), id="not called multicast"),
    pytest.param(without("ttl"), id="no ttl"),
]


@pytest.mark.parametrize("bend", [*ANY_KIND, *NO_PORT_TOLD, *OVER_UDP])
async def test_odd_answer_over_udp_is_understood(bend: Bend) -> None:
    await agreed(client_receives, V4, UDP, bend)


@pytest.mark.parametrize("bend", [*ANY_KIND, *OVER_TCP])
async def test_odd_answer_over_tcp_is_understood(bend: Bend) -> None:
    await agreed(client_receives, V4, TCP, bend)
    await agreed(client_sends, V4, TCP, bend)


@pytest.mark.parametrize("bend", [*ANY_KIND, *TO_A_GROUP])
async def test_odd_answer_about_a_group_is_understood(bend: Bend) -> None:
    await agreed(client_receives, V4, MULTICAST, bend)


@pytest.mark.parametrize("bend", [*ANY_KIND[2:], *OVER_UDP])
async def test_odd_answer_to_a_client_that_sends_over_udp_is_understood(bend: Bend) -> None:
    await agreed(client_sends, V4, UDP, bend)


@pytest.mark.parametrize("run", [client_receives, client_sends])
async def test_channels_are_those_that_the_server_chose(run: Callable[..., object]) -> None:
    async def with_channels_taken(both: TwoEnds, kind: TransportKind, bend: Bend) -> None:
        both.server.wire.channels.update({0: DROPPED, 3: DROPPED})
        await run(both, kind, bend)  # type: ignore[misc]
        for channel in (0, 3):
            del both.server.wire.channels[channel]

    await agreed(with_channels_taken, V4, TCP, as_it_is)


async def test_ports_that_change_are_taken_where_the_client_knows_that_they_do() -> None:
    await agreed(client_receives, V4, UDP, with_instead("server_port", "9-10"), changing_ports=True)


async def test_ssrc_of_the_answer_is_told_as_a_hint() -> None:
    async with two_ends() as both:
        publisher = IngestPublisher(both.client.identity, TCP)
        offer = receiving_offer(both.client, TCP, publisher)
        assert offer.ssrc is None
        offer.accept("RTP/AVP/TCP;interleaved=0-1;ssrc= 1f").close()
        assert offer.ssrc == 0x1F


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        (UDP, f"RTP/AVP;unicast;client_port={CLIENT_PORTS}-{CLIENT_PORTS + 1}"),
        (TCP, "RTP/AVP/TCP;unicast;interleaved=0-1"),
        (MULTICAST, "RTP/AVP;multicast"),
    ],
    ids=["udp", "tcp", "multicast"],
)
async def test_client_that_receives_says_no_mode(kind: TransportKind, header: str) -> None:
    async with two_ends() as both:
        offer = receiving_offer(both.client, kind, IngestPublisher(both.client.identity, kind))
        assert offer.header == header
        for _ in range(2):
            offer.withdraw()
        assert both.client.nothing_is_taken()


UNUSABLE = [
    (UDP, "RTP/AVP/TCP;unicast;interleaved=0-1", TCP),
    (UDP, "RTP/AVP;unicast;interleaved=0-1", TCP),
    (UDP, "RTP/AVP;multicast;destination=239.1.1.1;port=5000-5001", MULTICAST),
    (UDP, "RTP/AVP;destination=239.1.1.1;port=5000-5001", MULTICAST),
    (UDP, "RTP/SAVP;unicast;server_port=5000-5001", None),
    (UDP, "MP2T/H2221/UDP;unicast;server_port=5000-5001", None),
    (TCP, "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001", UDP),
    (TCP, "RTP/AVP;multicast;destination=239.1.1.1", MULTICAST),
    (MULTICAST, "RTP/AVP;unicast;server_port=5000-5001", UDP),
    (MULTICAST, "RTP/AVP/TCP;interleaved=0-1", TCP),
]


@pytest.mark.parametrize(("kind", "answer", "answered"), UNUSABLE)
async def test_answer_of_another_kind_gives_all_back_and_says_which(
    kind: TransportKind, answer: str, answered: TransportKind | None
) -> None:
    async with two_ends() as both:
        offer = receiving_offer(both.client, kind, IngestPublisher(both.client.identity, kind))
        with pytest.raises(AnswerUnusable) as refused:
            offer.accept(answer)
        assert refused.value.answered is answered
        assert both.client.nothing_is_taken()
        with pytest.raises(ValueError, match="accepted or withdrawn before"):
            offer.accept(answer)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (UDP, "RTP/AVP;unicast"),
        (UDP, "RTP/AVP;unicast;server_port=0-0"),
        (UDP, "RTP/AVP;unicast;server_port=53-54"),
        (UDP, None),
        *((kind, answer) for kind, answer, _ in UNUSABLE if kind is not MULTICAST),
    ],
)
async def test_client_that_sends_gives_all_back_after_an_answer_it_cannot_use(
    kind: TransportKind, answer: str | None
) -> None:
    async with two_ends() as both:
        own = both.client.mount()
        reader = both.client.reader(kind, own)
        offer = both.client.ends.sending_offer(reader, 0, own.tracks[0])
        with pytest.raises(AnswerUnusable):
            offer.accept(answer)
        assert both.client.nothing_is_taken()
        assert reader.track_indexes == []


async def test_channels_of_another_track_are_refused_and_stay_its_own() -> None:
    async with two_ends() as both:
        client = both.client
        publisher = IngestPublisher(client.identity, TCP)
        publisher.put(0, receiving_offer(client, TCP, publisher).accept("RTP/AVP/TCP"))
        own = client.mount(publisher)
        publisher.start(own.tracks)
        taken = dict(client.wire.channels)
        for answer in ("RTP/AVP/TCP;interleaved=0-1", "RTP/AVP/TCP;interleaved=1-2"):
            with pytest.raises(ProtocolError, match="carries another track"):
                receiving_offer(client, TCP, publisher).accept(answer)
            offer = client.ends.sending_offer(client.reader(TCP, own), 0, own.tracks[0])
            with pytest.raises(ProtocolError, match="carries another track"):
                offer.accept(answer)
        assert client.wire.channels == taken


async def test_group_that_nobody_names_cannot_be_joined() -> None:
    async with two_ends() as both:
        client = both.client
        publisher = IngestPublisher(client.identity, MULTICAST)
        for announced in (None, ("192.0.2.1", GROUP_PORT), (GROUP, 0)):
            offer = client.ends.receiving_offer(
                MULTICAST, publisher, client.wire.stream, client.wire.channels, announced=announced
            )
            with pytest.raises(AnswerUnusable, match="multicast group and its port"):
                offer.accept("RTP/AVP;multicast")


async def test_withdrawn_way_to_send_is_given_back_though_nothing_was_agreed() -> None:
    async with two_ends() as both:
        own = both.client.mount()
        for kind in (UDP, TCP):
            reader = both.client.reader(kind, own)
            both.client.ends.sending_offer(reader, 0, own.tracks[0])
            assert not both.client.nothing_is_taken()
            reader.release()
            assert both.client.nothing_is_taken()


async def test_nobody_sends_to_a_group_of_another_server() -> None:
    async with two_ends() as both:
        own = both.client.mount()
        reader = both.client.reader(MULTICAST, own)
        with pytest.raises(ValueError, match="UDP or TCP only"):
            both.client.ends.sending_offer(reader, 0, own.tracks[0])
