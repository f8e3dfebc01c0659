"""How a client trusts a TLS server: by authorities, or by the certificate's own fingerprint."""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from headwater.net.tls_context import TlsFilesError

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class CertificateNotPinned(ssl.SSLError):
    """The server's certificate is not the one whose fingerprint was given."""


@dataclass(frozen=True, slots=True)
class ServerTrust:
    """What a client goes by when a server shows its certificate.

    Attributes:
        context: the TLS context.
        check: raises ssl.SSLError for the wrong certificate, given as DER; None where the context
            has checked it.
    """

    context: ssl.SSLContext
    check: Callable[[bytes | None], None] | None = None


def fingerprint_of(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 hexadecimal digits; colons and blanks may part them.

    Raises ValueError for anything else.
    """
    digits = re.sub(r"[:\s]", "", text.lower().removeprefix("sha256:").removeprefix("sha-256:"))
    if not _FINGERPRINT.fullmatch(digits):
        raise ValueError(
            f"fingerprint is {text!r}; it must be 64 hexadecimal digits (SHA-256), as "
            "`openssl x509 -noout -fingerprint -sha256` prints them"
        )
    return digits


def server_trust(*, ca_file: str = "", fingerprint: str = "") -> ServerTrust:
    """Trust the one certificate of this fingerprint; else this CA file; else the system's roots.

    A camera signs its certificate itself: then the fingerprint is what there is to trust, and its
    name and dates count for nothing.

    Raises:
        TlsFilesError: the CA file cannot be used.
        ValueError: the fingerprint is none.
    """
    if fingerprint:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return ServerTrust(context, _pinned(fingerprint_of(fingerprint)))
    if not ca_file:
        return ServerTrust(_system_roots())
    try:
        return ServerTrust(ssl.create_default_context(cafile=ca_file))
    except (OSError, ValueError) as error:
        raise TlsFilesError("ca_file", f"CA file {ca_file}: {error}") from error


@lru_cache(maxsize=1)
def _system_roots() -> ssl.SSLContext:
    # A hundred authorities take milliseconds to load and megabytes to keep.
    return ssl.create_default_context()


def _pinned(wanted: str) -> Callable[[bytes | None], None]:
    def check(certificate: bytes | None) -> None:
        shown = hashlib.sha256(certificate or b"").hexdigest()
        if not hmac.compare_digest(shown, wanted):
            raise CertificateNotPinned(
                f"the server's certificate has the SHA-256 fingerprint {shown}, not the one given"
            )

    return check
