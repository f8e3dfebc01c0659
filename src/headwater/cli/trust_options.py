"""Which certificates a command trusts that plays a source."""

from typing import Annotated

import typer

CaFile = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="Certificates (PEM) of the authorities that are trusted for rtsps.",
        show_default="those of the system",
    ),
]
Fingerprint = Annotated[
    str,
    typer.Option(
        metavar="SHA256",
        help="Trust the one certificate that has this SHA-256 fingerprint.",
        show_default=False,
    ),
]
