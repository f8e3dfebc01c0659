"""TLS contexts with modern defaults, and a certificate that can be replaced while serving."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from headwater.net.certificate_validity import CertificateValidity, certificate_validity
from headwater.net.settings import ClientCertificates, TlsSettings, TlsVersion

_VERSIONS: Final = {
    TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}
_VERIFY: Final = {
    ClientCertificates.NONE: ssl.CERT_NONE,
    ClientCertificates.OPTIONAL: ssl.CERT_OPTIONAL,
    ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
}
_PEM_END: Final = "-----END CERTIFICATE-----"
# First byte of a TLS connection: a record of type handshake (RFC 8446 section 5.1). No RTSP
# request begins with it, so one port can serve both.
TLS_FIRST_BYTE: Final = 0x16


class TlsFilesError(ValueError):
    """A certificate, key or CA file cannot be used; the message names the file and why.

    `setting` is the key of `tls` that names the file.
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class ServerTls:
    """The TLS context of a listener; `reload` replaces it for the connections that come next.

    Raises TlsFilesError when the files cannot be used.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._stamps = self._read_stamps()
        self.context: ssl.SSLContext = _server_context(settings)
        """The context to use for the next connection."""
        self._validity = _validity_or_none(settings.certificate)
        # From when on a certificate may be taken that came before its time.
        self._early_until: datetime | None = None

    @property
    def files_changed(self) -> bool:
        """Whether a file was written or replaced since it was last loaded or tried."""
        return self._read_stamps() != self._stamps

    def is_due(self, now: datetime | None = None) -> bool:
        """Return whether `reload` has work: files changed, or an early certificate is valid now."""
        if self._early_until is not None and (now or datetime.now(UTC)) >= self._early_until:
            return True
        return self.files_changed

    def reload(self, now: datetime | None = None) -> None:
        """Load the files anew; sessions that are there go on with what they had.

        Raises TlsFilesError and keeps the old context when the files cannot be used, or when the
        new certificate is not valid at `now` and the old one is: peers would be turned away.
        """
        now = now or datetime.now(UTC)
        self._stamps, self._early_until = self._read_stamps(), None
        context = _server_context(self._settings)
        validity = _validity_or_none(self._settings.certificate)
        complaint = None if validity is None else validity.complaint(now)
        if validity and complaint and self._validity and self._validity.complaint(now) is None:
            remedy = "install a valid one"
            if now < validity.not_before:
                self._early_until = validity.not_before
                remedy = "it is taken then, by itself"
            raise TlsFilesError(
                "certificate",
                f"{self._settings.certificate}: this {complaint}; {remedy}. The old one is valid "
                f"until {self._validity.not_after:%Y-%m-%d %H:%M:%S} UTC",
            )
        self.context, self._validity = context, validity

    def complaint(self, now: datetime | None = None) -> str | None:
        """Return what is wrong with the dates of the certificate in use, None when all is well."""
        complaint = self._validity and self._validity.complaint(now or datetime.now(UTC))
        return f"{self._settings.certificate}: this {complaint}" if complaint else None

    def _read_stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        settings = self._settings
        return tuple(
            [_stamp(path) for path in (settings.certificate, settings.key, settings.client_ca)]
        )


def certificate_complaint(path: str, now: datetime | None = None) -> str | None:
    """Return what is wrong with the dates of a PEM file's first certificate, None when valid.

    Raises TlsFilesError when the file cannot be read.
    """
    return _validity(path).complaint(now or datetime.now(UTC))


def _validity_or_none(path: str) -> CertificateValidity | None:
    """Return the dates of a certificate that TLS can use; None where they cannot be told."""
    try:
        return _validity(path)
    except TlsFilesError:
        return None


def _validity(path: str) -> CertificateValidity:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        begin, end = text.find("-----BEGIN CERTIFICATE-----"), text.find(_PEM_END)
        if begin < 0 or end < 0:
            raise ValueError("not usable PEM (no certificate in it)")
        der = ssl.PEM_cert_to_DER_cert(text[begin : end + len(_PEM_END)])
        return certificate_validity(der)
    except (OSError, ValueError) as error:
        raise TlsFilesError("certificate", f"certificate {path}: {_reason(error)}") from error


def _server_context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimum_version]
    # A peer that may ask for new handshakes on a connection makes the server work for nothing.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # TLS 1.2: ephemeral keys and authenticated encryption only; 1.3 has nothing else.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    try:
        context.load_cert_chain(settings.certificate, settings.key or None, _no_password)
    except (OSError, ValueError) as error:
        raise _refusal(settings, error) from error
    if settings.client_certificates is not ClientCertificates.NONE:
        _load_ca(context, settings.client_ca)
    context.verify_mode = _VERIFY[settings.client_certificates]
    return context


def _load_ca(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:
        raise TlsFilesError("client_ca", f"CA file {path}: {_reason(error)}") from error


def _refusal(settings: TlsSettings, error: Exception) -> TlsFilesError:
    """Tell which of the two files is at fault, which the library's error does not."""
    for setting, path in (("certificate", settings.certificate), ("key", settings.key)):
        try:
            if path:
                Path(path).read_bytes()
            if setting == "certificate":
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except (OSError, ValueError) as cause:
            return TlsFilesError(setting, f"{setting} {path}: {_reason(cause)}")
    if not settings.key:
        message = f"certificate {settings.certificate}: it holds no usable key, and no key is named"
        return TlsFilesError("certificate", message)
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        message = f"it does not belong to certificate {settings.certificate}"
        return TlsFilesError("key", f"key {settings.key}: {message}")
    return TlsFilesError("key", f"key {settings.key}: {_reason(error)}")


def _no_password() -> str:
    """Refuse to ask for a pass phrase: a server has nobody to ask, and would hang."""
    raise ValueError("the key is encrypted; serve an unencrypted one readable by the server alone")


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLError():
            return f"not usable PEM ({error.reason or error})"
        case OSError():
            return error.strerror or str(error)
    return str(error)


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return what changes when a file is written or replaced; None when it cannot be seen."""
    try:
        status = Path(path).stat() if path else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)
