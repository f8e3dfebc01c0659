"""Types of the configuration's values, checked by pydantic against the settings dataclasses.

Imported only where there are values to check: pydantic is no part of the standard library, and
`from headwater import load_settings` must load nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from headwater.config.settings import Settings

_CHECK: Final = TypeAdapter(Settings)
"""Made once: that takes longer than all checks of a file."""


def typed_settings(values: Mapping[str, Any]) -> Settings | list[ErrorDetails]:
    """Return the settings that the values of a file make, or everything that is wrong with them."""
    try:
        # Strict JSON mode: texts are no numbers, yet enums come from texts and tuples from lists,
        # as in TOML.
        return _CHECK.validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        return error.errors(include_url=False)
