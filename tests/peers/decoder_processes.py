"""The processes that decode for a program, as the system shows them."""

from __future__ import annotations

import gc
import os
from pathlib import Path

MODULE = b"headwater.libav.decoding.apart.child"


def decoder_processes(program: int | None = None) -> set[int]:
    """The numbers of those that a program has started, this one unless another is named."""
    parent = os.getpid() if program is None else program
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # After the name, which may hold blanks: state, then the parent (proc(5)).
            state, its_parent = (folder / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if MODULE in words and int(its_parent) == parent and state != b"Z":
            found.add(int(folder.name))
    return found


def is_there(process: int) -> bool:
    """Whether a process runs, whosever it is now."""
    try:
        state = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != b"Z"


def is_gone(process: int) -> bool:
    """Whether it does not."""
    return not is_there(process)


def looks_at_frames() -> bool:
    """Whether this process has memory of frames, or a descriptor of some."""
    gc.collect()  # an error that was raised holds what its functions had
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    opened = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            opened.append(str(link.readlink()))
        except FileNotFoundError:
            continue  # the one of this look
    return "headwater-frames" in maps + "\n".join(opened)
