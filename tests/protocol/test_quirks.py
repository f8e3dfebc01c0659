from collections.abc import Sequence

import pytest

from headwater.protocol.method import Method
from headwater.protocol.quirks import (
    METHODS_WITHOUT_EFFECT,
    channel_pair,
    media_profile,
    payload_type_names,
    port_of_partner,
    ports_are_absent,
    transport_mode,
    transport_ssrc,
)
from headwater.protocol.session_states import SessionState, next_state
from headwater.side import Side


@pytest.mark.parametrize(
    ("value", "ssrc"),
    [
        ("0B6020AD", 0x0B6020AD),
        ("4317f", 0x4317F),
        (" 4317f", 0x4317F),
        ("     D93FF", 0xD93FF),
        ("0xD93FF", 0xD93FF),
        ("937239728", 937239728),
        ("4294967295", 4294967295),
        ("4294967296", None),
        ("FFFFFFFFF", None),
        ("0" * 8 + "1", 1),
        ("1" * 17, None),
        ("12 34", None),
        ("-1", None),
        ("", None),
        ("x", None),
    ],
)
def test_ssrc_short_padded_or_decimal(value: str, ssrc: int | None) -> None:
    assert transport_ssrc(value) == ssrc


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("PLAY", "PLAY"),
        ("play", "PLAY"),
        ("receive", "RECORD"),
        ("Record", "RECORD"),
        ("PLAY,RECORD", "PLAY"),
        (" play ", "PLAY"),
        ("", None),
        ('PL"AY,RECORD"', None),
    ],
)
def test_mode_receive_is_record(value: str, mode: str | None) -> None:
    assert transport_mode(value) == mode


@pytest.mark.parametrize(
    ("transport", "profile"),
    [
        ("RTP/AVP", "RTP/AVP"),
        ("RTP/AVP/TCP", "RTP/AVP"),
        ("rtp/savp/udp", "RTP/SAVP"),
        ("RTP/AVP;unicast", "RTP/AVP"),
        ("RTP/AVPF97", "RTP/AVPF"),
        ("RTP/AVPX", "RTP/AVPX"),
        ("udp", "udp"),
    ],
)
def test_a_lower_transport_is_not_the_readers(transport: str, profile: str) -> None:
    assert media_profile(transport) == profile


@pytest.mark.parametrize(
    ("profile", "formats", "rtpmap", "usable"),
    [
        ("RTP/AVP", ("96", "0"), (), ("96", "0")),
        ("RTP/AVP", ("smart/1", "96"), (97,), ("96",)),
        ("RTP/AVP", ("(null)",), (97, 999), ("97",)),
        ("RTP/AVP", ("\u0663",), (), ()),
        ("udp", ("wb",), (), ("wb",)),
    ],
)
def test_formats_under_rtp_are_numbers(
    profile: str, formats: tuple[str, ...], rtpmap: tuple[int, ...], usable: tuple[str, ...]
) -> None:
    assert payload_type_names(profile, formats, rtpmap) == usable


def test_a_single_port_has_its_partner_behind_it() -> None:
    assert port_of_partner(5000) == 5001


@pytest.mark.parametrize(
    ("first", "second", "absent"),
    [(0, 0, True), (0, 1, True), (0, 5000, False), (5000, 0, False), (5000, 5001, False)],
)
def test_ports_of_zero_are_none(first: int, second: int, absent: bool) -> None:
    assert ports_are_absent(first, second) is absent


@pytest.mark.parametrize("role", list(Side))
def test_pause_of_what_does_not_run_changes_nothing(role: Side) -> None:
    assert METHODS_WITHOUT_EFFECT == {SessionState.READY: (Method.PAUSE,)}
    assert next_state(SessionState.READY, "PAUSE", role) is SessionState.READY


@pytest.mark.parametrize(
    ("wanted", "taken", "given"),
    [
        ((4, 5), (), (4, 5)),
        ((7, 6), (), (7, 6)),
        ((168, 169), (0, 1), (168, 169)),
        (None, (), (0, 1)),
        (None, (0, 1, 3), (4, 5)),
        ((0, 1), (0, 1), (2, 3)),
        ((1, 2), (1,), (2, 3)),
        ((0, 0), (), (0, 1)),
        ((255, 256), (), (0, 1)),
        ((-1, 0), (), (0, 1)),
        (None, range(256), None),
        (None, range(254), (254, 255)),
    ],
)
def test_channels_that_are_not_named_or_taken_are_chosen(
    wanted: tuple[int, int] | None, taken: Sequence[int], given: tuple[int, int] | None
) -> None:
    assert channel_pair(wanted, taken) == given
