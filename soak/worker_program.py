"""What each worker of a soak with workers imports: the server of the settings that it was told."""

from __future__ import annotations

import json
import os
from typing import Any

from headwater import RtspServer
from soak.settings import settings_of

SETTINGS_VARIABLE = "SOAK_SETTINGS"
FACTORY = "soak.worker_program:make_server"


def make_server() -> RtspServer:
    """Return a server of the settings in the environment, by section, as JSON."""
    sections: dict[str, dict[str, Any]] = json.loads(os.environ[SETTINGS_VARIABLE])
    return RtspServer(settings=settings_of(sections))
