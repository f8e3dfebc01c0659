import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.transport import (
    LowerTransport,
    TransportSpec,
    format_transport,
    parse_answered_transport,
    parse_transport,
)

UDP, TCP = LowerTransport.UDP, LowerTransport.TCP

CASES = [
    pytest.param(
        'RTP/AVP;unicast;client_port=3456-3457;mode="PLAY"',
        TransportSpec(client_port=(3456, 3457), mode="PLAY"),
        id="UDP",
    ),
    pytest.param(
        "RTP/AVP/UDP;unicast;client_port=3056-3057;server_port=5000-5001",
        TransportSpec(client_port=(3056, 3057), server_port=(5000, 5001)),
        id="UDP said aloud",
    ),
    pytest.param(
        "RTP/AVP/TCP;unicast;interleaved=0-1",
        TransportSpec(lower=TCP, interleaved=(0, 1)),
        id="interleaved",
    ),
    pytest.param(
        "RTP/AVP/TCP;interleaved=4", TransportSpec(lower=TCP, interleaved=(4, 5)), id="one channel"
    ),
    pytest.param("RTP/AVP/TCP", TransportSpec(lower=TCP), id="no channel"),
    pytest.param(
        "RTP/AVP;multicast;destination=225.219.201.15;port=7000-7001;ttl=127",
        TransportSpec(unicast=False, destination="225.219.201.15", port=(7000, 7001), ttl=127),
        id="multicast",
    ),
    pytest.param(
        "rtp/savpf;UNICAST;Client_Port=1-2",
        TransportSpec(profile="RTP/SAVPF", client_port=(1, 2)),
        id="any case",
    ),
    pytest.param(
        "RTP/AVP;client_port=5000", TransportSpec(client_port=(5000, 5001)), id="single port"
    ),
    pytest.param(
        "RTP/AVP;client_port=5000-6000", TransportSpec(client_port=(5000, 6000)), id="far apart"
    ),
    pytest.param(
        "RTP/AVP/UDP;unicast;client_port=0-0;mode=RECORD",
        TransportSpec(mode="RECORD"),
        id="GStreamer's 0-0",
    ),
    pytest.param("RTP/AVP;client_port=0", TransportSpec(), id="0 alone"),
    pytest.param(
        "RTP/AVP;mode=receive;client_port=2-3",
        TransportSpec(client_port=(2, 3), mode="RECORD"),
        id="receive",
    ),
    pytest.param("RTP/AVP;mode=record", TransportSpec(mode="RECORD"), id="lower case mode"),
    pytest.param("RTP/AVP;mode=", TransportSpec(), id="empty mode"),
    pytest.param(
        'RTP/AVP;mode="PLAY,RECORD";ttl=1', TransportSpec(mode="PLAY", ttl=1), id="quoted list"
    ),
    pytest.param(
        'client_port=3456-3457;RTP/AVP;mode="PLAY";unicast',
        TransportSpec(client_port=(3456, 3457), mode="PLAY"),
        id="unsorted",
    ),
    pytest.param(
        " RTP/AVP ; unicast ; client_port = 1 - 2 ;",
        TransportSpec(client_port=(1, 2)),
        id="blanks everywhere",
    ),
    pytest.param("RTP/AVP;ssrc=4317f", TransportSpec(ssrc=0x4317F), id="odd ssrc"),
    pytest.param("RTP/AVP;ssrc=1449463210", TransportSpec(ssrc=1449463210), id="decimal ssrc"),
    pytest.param("RTP/AVP;ssrc=zz", TransportSpec(), id="ssrc beyond reading"),
    pytest.param(
        "RTP/AVP;source=;destination=", TransportSpec(), id="empty source and destination"
    ),
    pytest.param("RTP/AVP;destination", TransportSpec(), id="destination without value"),
    pytest.param("RTP/AVP;source=10.0.0.1", TransportSpec(source="10.0.0.1"), id="source"),
    pytest.param("RTP/AVP;append", TransportSpec(append=True), id="append"),
    pytest.param(
        "RTP/AVP;layers=2;x-dynamic",
        TransportSpec(extra=("layers=2", "x-dynamic")),
        id="unknown parameters",
    ),
]


@pytest.mark.parametrize(("value", "spec"), CASES)
def test_one_alternative(value: str, spec: TransportSpec) -> None:
    assert parse_transport(value) == [spec]
    assert parse_transport(spec.to_header()) == [spec]


@pytest.mark.parametrize(
    ("value", "lowers"),
    [
        ("RAW/RAW/UDP;unicast;client_port=1-2, RTP/AVP/TCP;interleaved=0-1", [TCP]),
        ("MP2T/H2221/UDP;unicast,x-real-rdt/udp;client_port=7", []),
        ("RTP/AVP;unicast;client_port=1-2,RTP/AVP/TCP;unicast", [UDP, TCP]),
        ("RTP/AVP;client_port=aa,RTP/AVP/TCP;unicast", [TCP]),
        ("RTP/AVP/SCTP;unicast", []),
        ("RTP/AVP;mode=PLAY,RECORD", [UDP]),
        ("unicast;client_port=1-2", []),
        (",,;;,", []),
        ("", []),
    ],
)
def test_alternatives(value: str, lowers: list[LowerTransport]) -> None:
    assert [spec.lower for spec in parse_transport(value)] == lowers


@pytest.mark.parametrize(
    "value",
    [
        "RTP/AVP;client_port=aa",
        "RTP/AVP;client_port=aa-14187",
        "RTP/AVP;client_port=1-2-3",
        "RTP/AVP;client_port=-1",
        "RTP/AVP;client_port=65536-65537",
        "RTP/AVP;client_port=65535",
        "RTP/AVP;client_port=5000-5000",
        "RTP/AVP;client_port=5000-0",
        "RTP/AVP;client_port=١-٢",
        "RTP/AVP;server_port=x",
        "RTP/AVP;port=999999",
        "RTP/AVP/TCP;interleaved=255",
        "RTP/AVP/TCP;interleaved=0-256",
        "RTP/AVP/TCP;interleaved=1-1",
        "RTP/AVP/TCP;interleaved=x",
        "RTP/AVP;multicast;ttl=256",
        "RTP/AVP;multicast;ttl=x",
        'RTP/AVP;destination="1.2.3.4,RTP/AVP"',
        'RTP/AVP;source="a;b"',
    ],
)
def test_malformed_beyond_reading(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_transport(value)
    assert caught.value.status == 400
    assert caught.value.where == "Transport"


@pytest.mark.parametrize(
    "name",
    [
        "interleaved",
        "client_port",
        "server_port",
        "port",
        "ttl",
        "destination",
        "source",
        "ssrc",
        "mode",
    ],
)
@pytest.mark.parametrize("nothing", ["", "=", "= ", '=""'])
def test_a_parameter_without_a_value_is_not_there(name: str, nothing: str) -> None:
    assert parse_transport(f"RTP/AVP/TCP;{name}{nothing}") == [TransportSpec(lower=TCP)]


@pytest.mark.parametrize("text", ["5000", "5000-", "5000 - ", "5000-5001"])
def test_a_single_port_is_followed_by_its_partner(text: str) -> None:
    assert parse_transport(f"RTP/AVP;client_port={text}")[0].client_port == (5000, 5001)


def test_the_answer_of_a_server() -> None:
    spec = TransportSpec(
        client_port=(5000, 5001), server_port=(6000, 6001), ssrc=0xAB, source="10.0.0.1"
    )

    assert spec.to_header() == (
        "RTP/AVP;unicast;source=10.0.0.1;client_port=5000-5001;server_port=6000-6001;ssrc=000000AB"
    )


pairs = st.tuples(st.integers(1, 30_000), st.integers(30_001, 65_535))
channels = st.tuples(st.integers(0, 100), st.integers(101, 255))
hosts = st.sampled_from(["10.0.0.1", "::1", "239.0.0.1"])
specs = st.builds(
    TransportSpec,
    profile=st.sampled_from(["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"]),
    lower=st.sampled_from(LowerTransport),
    unicast=st.booleans(),
    interleaved=st.none() | channels,
    client_port=st.none() | pairs,
    server_port=st.none() | pairs,
    port=st.none() | pairs,
    ttl=st.none() | st.integers(0, 255),
    destination=st.none() | hosts,
    source=st.none() | hosts,
    ssrc=st.none() | st.integers(0, 2**32 - 1),
    mode=st.sampled_from([None, "PLAY", "RECORD"]),
    append=st.booleans(),
    extra=st.sampled_from([(), ("layers=1",), ("layers=1", "x")]),
)


@given(st.lists(specs, max_size=4))
def test_what_is_written_reads_the_same(alternatives: list[TransportSpec]) -> None:
    assert parse_transport(format_transport(alternatives)) == alternatives


@given(
    st.lists(
        st.sampled_from(["RTP/AVP", "/TCP", ";", ",", "client_port=", "1", "-", '"', "mode=", "x"])
        | st.text(max_size=3)
    ).map("".join)
)
def test_any_value_gives_specs_or_a_protocol_error(value: str) -> None:
    try:
        alternatives = parse_transport(value)
    except ProtocolError:
        alternatives = []
    assert parse_transport(format_transport(alternatives)) == alternatives


@pytest.mark.parametrize(
    ("value", "specs"),
    [
        pytest.param(
            "RTP/AVP;unicast;client_port=x;server_port=5000-5001;ssrc= 1F",
            [TransportSpec(server_port=(5000, 5001), ssrc=0x1F)],
            id="what cannot be read is left out",
        ),
        pytest.param(
            "RTP/AVP;server_port=5000-0;client_port=1-2",
            [TransportSpec(client_port=(1, 2))],
            id="port 0",
        ),
        pytest.param(
            'RTP/AVP/TCP;unicast;"interleaved=0-1";interleaved="2-3"',
            [TransportSpec(lower=TCP, interleaved=(2, 3), extra=('"interleaved=0-1"',))],
            id="quoted",
        ),
        pytest.param(
            "unicast;interleaved=4-5", [TransportSpec(interleaved=(4, 5))], id="no protocol"
        ),
        pytest.param("MP2T/H2221/UDP;unicast;server_port=1-2", [], id="another protocol"),
        pytest.param(
            "RTP/AVP/TCP;interleaved=0-1,RTP/AVP;server_port=1-2",
            [TransportSpec(lower=TCP, interleaved=(0, 1)), TransportSpec(server_port=(1, 2))],
            id="two",
        ),
        pytest.param("", [], id="empty"),
    ],
)
def test_answer_is_read_as_far_as_it_can_be(value: str, specs: list[TransportSpec]) -> None:
    assert parse_answered_transport(value) == specs


@given(st.text(alphabet='RTPAVUDC/;,=-"0159 .:intrleavdsouc_', max_size=80))
def test_any_answer_is_read(value: str) -> None:
    for spec in parse_answered_transport(value):
        assert spec.server_port is None or all(0 < port < 65_536 for port in spec.server_port)
        assert spec.interleaved is None or all(0 <= one <= 255 for one in spec.interleaved)
