"""What a client hello offers, as OpenSSL writes it, and what is none."""

from __future__ import annotations

import pytest
from client_hello import hello

from headwater.protocol.client_hello import alpn_names


@pytest.mark.parametrize("names", [(), ("http/1.1",), ("h2", "http/1.1")])
def test_names_are_read_once_the_record_is_whole(names: tuple[str, ...]) -> None:
    data = hello(*names)
    expected = tuple(name.encode() for name in names)
    assert alpn_names(data) == expected
    assert alpn_names(data + b"more") == expected
    assert {alpn_names(data[:size]) for size in range(len(data))} == {None}


def test_what_is_broken_offers_nothing() -> None:
    data = hello("h2", "http/1.1")
    for at in range(5, len(data)):
        for value in (0, 255):
            names = alpn_names(data[:at] + bytes((value,)) + data[at + 1 :])
            assert isinstance(names, tuple)
    assert alpn_names(b"\x16\x03\x01\x00\x00") == ()
    assert alpn_names(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00") == ()
