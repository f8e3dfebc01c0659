"""The certificate that every encrypted way in shows, read again when its files change."""

from __future__ import annotations

from headwater.log_pace import paced_logger
from headwater.net.tls_context import ServerTls, TlsFilesError

logger = paced_logger(__name__)

_INTERVAL_S = 5.0


class Certificates:
    """Watches the files of the server's certificate. Without TLS every method does nothing."""

    def __init__(self, tls: ServerTls | None) -> None:
        self.tls = tls
        self._next_look_s = 0.0

    def start(self) -> None:
        """Say so where the certificate is not valid."""
        if self.tls is not None:
            self._tell_dates(self.tls)

    def take(self, tls: ServerTls | None) -> None:
        """Show another certificate, or none, from the next connection on."""
        self.tls = tls
        self.start()

    def check(self, now: float) -> None:
        """Look at the files every few seconds."""
        if self.tls is None or now < self._next_look_s:
            return
        self._next_look_s = now + _INTERVAL_S
        if self.tls.is_due():
            self.reload()

    def reload(self) -> None:
        """Read the files again, where there are any, and log the outcome."""
        if self.tls is None:
            return
        try:
            self.tls.reload()
        except TlsFilesError as error:
            logger.error("certificate not reloaded, the old one stays", extra={"cause": str(error)})
            return
        logger.info("certificate reloaded", extra={"cause": "read again"})
        self._tell_dates(self.tls)

    @staticmethod
    def _tell_dates(tls: ServerTls) -> None:
        if complaint := tls.complaint():
            extra = {"cause": f"{complaint}; peers refuse it: install a valid one"}
            logger.warning("certificate not valid", extra=extra)
