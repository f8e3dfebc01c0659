"""Certificates for tests, made by the openssl command in a folder of the test's own."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_DEADLINE_S = 20.0


@dataclass(frozen=True)
class CertificateFiles:
    """Paths of one certificate and its key."""

    certificate: str
    key: str


class CertificateMaker:
    """Makes a CA and certificates that it issues; skips the test where there is no openssl."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("needs the openssl command")
        self._folder = folder
        self.ca = self._make(
            "ca",
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )
        # From Python 3.13 on, clients ask for what RFC 5280 §4.2.1 demands of issuer and issued.
        self._extensions = folder / "extensions"
        self._extensions.write_text("authorityKeyIdentifier=keyid\n")

    def issue(self, name: str, *, days: int = 30) -> CertificateFiles:
        """Return a certificate for localhost and 127.0.0.1, issued by the CA."""
        request, certificate, key = (
            str(self._folder / f"{name}.{kind}") for kind in ("csr", "pem", "key")
        )
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-addext", names, "-keyout", key, "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.ca.certificate, "-CAkey", self.ca.key,
            "-CAcreateserial", "-copy_extensions", "copy", "-out", certificate,
            "-days", str(days), "-extfile", str(self._extensions),
        )  # fmt: skip
        return CertificateFiles(certificate, key)

    def client_context(self) -> ssl.SSLContext:
        """What a client needs that trusts the CA and verifies names."""
        return ssl.create_default_context(cafile=self.ca.certificate)

    def encrypted_key(self, name: str) -> CertificateFiles:
        """Return a certificate whose key has a pass phrase."""
        files = self.issue(name)
        key = str(self._folder / f"{name}-encrypted.key")
        self._openssl("pkey", "-in", files.key, "-aes128", "-passout", "pass:x", "-out", key)
        return CertificateFiles(files.certificate, key)

    def _make(self, name: str, *options: str) -> CertificateFiles:
        certificate, key = str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-days", "30", "-keyout", key, "-out", certificate, *options,
        )  # fmt: skip
        return CertificateFiles(certificate, key)

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(
            ["openssl", *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


def common_name(port: int, context: ssl.SSLContext) -> str:
    """The name in the certificate that is shown on a port of this machine."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE_S) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as stream,
    ):
        subject = (stream.getpeercert() or {})["subject"]
        return str(dict(part[0] for part in subject)["commonName"])  # type: ignore[misc]
