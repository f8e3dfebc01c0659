"""Contexts load and reload files, and say which file is wrong and why."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificate_files import CertificateFiles, CertificateMaker

from headwater.net.settings import ClientCertificates, TlsSettings
from headwater.net.tls_context import (
    ServerTls,
    TlsFilesError,
    certificate_complaint,
)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> CertificateMaker:
    return CertificateMaker(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def files(maker: CertificateMaker) -> CertificateFiles:
    return maker.issue("server")


def served_name(tls: ServerTls, client: ssl.SSLContext) -> str:
    """Return the common name of the certificate that a client is shown."""
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(20)
        far.settimeout(20)
        serving = threading.Thread(
            target=lambda: tls.context.wrap_socket(near, server_side=True).do_handshake()
        )
        serving.start()
        with client.wrap_socket(far, server_hostname="localhost") as secure:
            certificate = secure.getpeercert()
        serving.join(20)
    assert certificate is not None
    entries: Any = certificate["subject"]
    return str(dict(entry[0] for entry in entries)["commonName"])


def test_old_versions_and_weak_ciphers_are_off(files: CertificateFiles) -> None:
    context = ServerTls(TlsSettings(certificate=files.certificate, key=files.key)).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE
    for cipher in context.get_ciphers():
        assert cipher["aead"], cipher["name"]
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_key_in_the_certificate_file(files: CertificateFiles, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(Path(files.certificate).read_text() + Path(files.key).read_text())
    assert ServerTls(TlsSettings(certificate=str(both))).complaint() is None


@pytest.mark.parametrize("missing", ["certificate", "key"])
def test_missing_file_is_named(files: CertificateFiles, missing: str) -> None:
    paths: Any = {"certificate": files.certificate, "key": files.key, missing: "/nowhere/file.pem"}
    with pytest.raises(TlsFilesError, match=r"/nowhere/file.pem.*No such file"):
        ServerTls(TlsSettings(**paths))


def test_key_of_another_certificate(maker: CertificateMaker, files: CertificateFiles) -> None:
    other = maker.issue("other")
    with pytest.raises(
        TlsFilesError, match=r"key .*other.key: it does not belong to certificate .*server.pem"
    ):
        ServerTls(TlsSettings(certificate=files.certificate, key=other.key))


def test_file_that_is_no_certificate(files: CertificateFiles, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(TlsFilesError, match=r"junk.pem.*not usable PEM"):
        ServerTls(TlsSettings(certificate=str(junk), key=files.key))
    settings = TlsSettings(
        certificate=files.certificate,
        key=files.key,
        client_certificates=ClientCertificates.REQUIRED,
        client_ca=str(junk),
    )
    with pytest.raises(TlsFilesError, match=r"CA file .*junk.pem"):
        ServerTls(settings)
    with pytest.raises(TlsFilesError, match=r"certificate .*junk.pem: not usable PEM"):
        certificate_complaint(str(junk))


def test_encrypted_key_does_not_ask(maker: CertificateMaker) -> None:
    locked = maker.encrypted_key("locked")
    with pytest.raises(TlsFilesError, match="the key is encrypted"):
        ServerTls(TlsSettings(certificate=locked.certificate, key=locked.key))


def test_missing_client_ca_is_named(files: CertificateFiles) -> None:
    with pytest.raises(TlsFilesError, match=r"CA file /nowhere/ca.pem"):
        ServerTls(
            TlsSettings(
                certificate=files.certificate,
                key=files.key,
                client_certificates=ClientCertificates.REQUIRED,
                client_ca="/nowhere/ca.pem",
            )
        )


def test_reload(maker: CertificateMaker, tmp_path: Path) -> None:
    live = CertificateFiles(str(tmp_path / "live.pem"), str(tmp_path / "live.key"))

    def install(files: CertificateFiles) -> None:
        # Renamed into place, as certificate tools do.
        for source, target in ((files.certificate, live.certificate), (files.key, live.key)):
            shutil.copy(source, f"{target}.new")
            os.replace(f"{target}.new", target)  # noqa: PTH105

    client = maker.client_context()
    install(maker.issue("first"))
    tls = ServerTls(TlsSettings(certificate=live.certificate, key=live.key))
    first = tls.context
    changed = [tls.files_changed]
    assert served_name(tls, client) == "first"
    install(maker.issue("second"))
    changed.append(tls.files_changed)
    assert served_name(tls, client) == "first"
    tls.reload()
    assert [*changed, tls.files_changed] == [False, True, False]
    assert served_name(tls, client) == "second"
    assert tls.context is not first
    Path(live.certificate).write_text("half written")
    changed = [tls.files_changed]
    with pytest.raises(TlsFilesError, match=r"live.pem"):
        tls.reload()
    assert served_name(tls, client) == "second"
    # It is tried once, and not again until the file changes.
    changed.append(tls.files_changed)
    Path(live.certificate).unlink()
    assert [*changed, tls.files_changed] == [True, False, True]


def test_dates(files: CertificateFiles) -> None:
    tls = ServerTls(TlsSettings(certificate=files.certificate, key=files.key))
    now = datetime.now(UTC)
    assert tls.complaint() is None
    assert tls.complaint(now + timedelta(days=29)) is None
    late = tls.complaint(now + timedelta(days=31))
    assert late is not None
    assert late.startswith(f"{files.certificate}: this certificate expired on 20")
    early = tls.complaint(now - timedelta(days=2))
    assert early is not None
    assert early.startswith(f"{files.certificate}: this certificate is not valid before 20")


NOW = datetime(2030, 6, 1, tzinfo=UTC)
DATES = {
    "valid": (b"300101000000Z", b"310101000000Z"),
    "expired": (b"290101000000Z", b"300501000000Z"),
    "early": (b"300701000000Z", b"310701000000Z"),
}


def with_dates(pem: str, dates: tuple[bytes, bytes]) -> str:
    """The certificate with other dates; loading it does not see that its signature is wrong."""
    found = iter(dates)
    der = re.sub(rb"\d{12}Z", lambda _: next(found), ssl.PEM_cert_to_DER_cert(pem))
    return ssl.DER_cert_to_PEM_cert(der)


@pytest.mark.parametrize(
    ("former", "latter", "shown"),
    [
        ("valid", "valid", "latter"),
        ("valid", "expired", "former"),
        ("valid", "early", "former"),
        ("expired", "valid", "latter"),
        ("expired", "early", "latter"),
        ("early", "expired", "latter"),
    ],
)
def test_certificate_that_is_not_valid_replaces_none_that_is(
    files: CertificateFiles, tmp_path: Path, former: str, latter: str, shown: str
) -> None:
    live = tmp_path / "live.pem"
    pem = Path(files.certificate).read_text()
    live.write_text(with_dates(pem, DATES[former]))
    tls = ServerTls(TlsSettings(certificate=str(live), key=files.key))
    before = tls.context
    live.unlink()
    live.write_text(with_dates(pem, DATES[latter]))
    assert tls.is_due(NOW)
    if shown == "latter":
        tls.reload(NOW)
        assert tls.context is not before
        return
    with pytest.raises(TlsFilesError, match=r"live\.pem: this certificate .* 2030-.* UTC; ") as why:
        tls.reload(NOW)
    assert str(why.value).endswith("The old one is valid until 2031-01-01 00:00:00 UTC")
    assert tls.context is before
    assert tls.complaint(NOW) is None
    assert not tls.is_due(NOW), "tried once, not again until something changes"
    # What came early is taken when its time has come.
    later = NOW + timedelta(days=31)
    assert tls.is_due(later) is (latter == "early")
    if latter == "early":
        tls.reload(later)
        assert tls.context is not before
        assert not tls.is_due(later)


def test_missing_certificate_has_no_dates() -> None:
    with pytest.raises(TlsFilesError, match=r"/nowhere/x.pem"):
        certificate_complaint("/nowhere/x.pem")
