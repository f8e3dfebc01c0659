"""A client of rtsps trusts whom it was told to trust, and nobody is told a password before."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

import pytest
from sent_all_the_time import published
from server_rig import ServerFactory

from headwater import RtspClient, RtspServer, Settings, TlsSettings, TransportKind
from headwater.client import TlsError


def fingerprint(certificate: TlsSettings) -> str:
    der = ssl.PEM_cert_to_DER_cert(Path(certificate.certificate).read_text())
    return hashlib.sha256(der).hexdigest()


def with_colons(digits: str) -> str:
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return "SHA256:" + ":".join(pairs).upper()


@pytest.fixture
async def secure(start_server: ServerFactory, certificate: TlsSettings) -> RtspServer:
    return await start_server(settings=Settings(tls=certificate))


def url_of(server: RtspServer, host: str = "127.0.0.1") -> str:
    return f"rtsps://{host}:{server.play_port}/cam"


@pytest.mark.parametrize("write", [str, with_colons])
async def test_a_pinned_certificate(
    secure: RtspServer, certificate: TlsSettings, write: type[str]
) -> None:
    pinned = write(fingerprint(certificate))
    client = RtspClient(url_of(secure), fingerprint=pinned)
    async with published(secure), client, client.play() as playback:
        assert playback.transport is TransportKind.TCP
        assert (await anext(playback)).packets


async def test_an_authority_of_ones_own(secure: RtspServer, certificate: TlsSettings) -> None:
    async with (
        published(secure),
        RtspClient(url_of(secure), ca_file=certificate.certificate) as client,
    ):
        assert await client.describe()


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({}, "not trusted .*fingerprint"),
        ({"fingerprint": "00" * 32}, "has the SHA-256 fingerprint [0-9a-f]{64}, not the one given"),
        ({"ca_file": "/nowhere.pem"}, "CA file /nowhere.pem"),
    ],
)
async def test_another_certificate_is_refused(
    secure: RtspServer, chosen: dict[str, Any], words: str
) -> None:
    client = RtspClient(url_of(secure), username="ann", password="secret", **chosen)
    async with published(secure), client:
        with pytest.raises(TlsError, match=words) as caught:
            await client.describe()
    assert not caught.value.may_pass
    assert secure.counters.requests == 0
