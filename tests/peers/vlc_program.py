"""The VLC of this machine: how it is started, and whether it plays RTSP.

Debian 12 builds VLC without live555, its RTSP client. `tests/interop/vlc/fetch .venv/vlc` fetches
one that has it; without that, whichever `vlc` is on the path is asked.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FETCHED = Path(sys.prefix) / "vlc" / "vlc"
UNPRIVILEGED = "nobody"
# Every picture is to be shown, also on a machine too busy to show it in time.
SHOW_ALL = ("--no-drop-late-frames", "--no-skip-frames", "--no-avcodec-hurry-up")


def launcher() -> list[str]:
    """Command words that start VLC without a window; as root it needs another user.

    That user keeps root's access to files: VLC and what it writes may be in folders of root.
    """
    vlc = [str(FETCHED if FETCHED.exists() else shutil.which("vlc")), "--intf", "dummy"]
    if os.geteuid() != 0:
        return vlc
    user = ("--reuid", UNPRIVILEGED, "--regid", "nogroup", "--clear-groups")
    rights = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
    return ["setpriv", *user, *rights, *vlc]


@contextlib.contextmanager
def playground() -> Iterator[Path]:
    """A folder that VLC's own user may write to."""
    folder = Path(tempfile.mkdtemp(prefix="vlc-"))
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED, "nogroup")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def why_no_rtsp() -> str | None:
    """Ask VLC for its modules: live555 is the only one that plays `rtsp://` media."""
    if not FETCHED.exists() and shutil.which("vlc") is None:
        return "there is no VLC here (tests/interop/vlc/fetch gets one)"
    with playground() as ground:
        listed = subprocess.run(
            [*launcher(), "--list"],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "HOME": str(ground)},
        )
    if listed.returncode != 0:
        raise RuntimeError(f"vlc --list exited with {listed.returncode}\n{listed.stderr[-500:]}")
    if "live555" in listed.stdout:
        return None
    return "this VLC is built without live555, its RTSP client (tests/interop/vlc/fetch gets one)"
