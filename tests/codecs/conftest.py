"""What the tests of codecs share: films that real encoders made, as files and as RTP."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
