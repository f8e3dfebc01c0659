"""The media side of the load in C, compiled on first use and called through ctypes.

Python on one CPU cannot look at 400,000 packets a second; the figures for loss and latency are
only worth something when the generator is far cheaper than the server.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "load"
WARNINGS = ("-O2", "-Wall", "-Wextra")
SHARED = ("-shared", "-fPIC", "-pthread")

OVER_UDP = 0
OVER_TCP = 1
OVER_SRTP = 2
OVER_WEBSOCKET = 3


def cache_folder() -> Path:
    """Where compiled code and peers are kept, outside the source tree."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "headwater-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class ReaderCounters(ctypes.Structure):
    """`struct reader` of load.h."""

    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in (
                "received",
                "in_window",
                "bytes",
                "missing",
                "repeated",
                "sequence_breaks",
                "damaged",
                "other_packets",
                "responses",
                "play_ns",
                "first_packet_ns",
                "first_sent_ns",
                "last_old_ns",
                "first_frame_ns",
                "last_index",
            )
        ),
        *(
            (name, ctypes.c_int32)
            for name in (
                "last_status",
                "closed",
                "fd",
                "rtcp_fd",
                "transport",
                "group",
                "checks_filler",
                "publisher",
                "kernel_stamps",
            )
        ),
        ("last_sequence", ctypes.c_uint32),
        ("key_frame", ctypes.c_uint32),
        ("key_next", ctypes.c_uint32),
        ("pending_bytes", ctypes.c_uint32),
        ("pending", ctypes.c_void_p),
    ]


class PublisherCounters(ctypes.Structure):
    """`struct publisher` of load.h."""

    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in (
                "sent",
                "in_window",
                "late_ns_max",
                "late_frames",
                "errors",
                "period_ns",
                "due_ns",
            )
        ),
        ("fd", ctypes.c_int32),
        ("rtcp_fd", ctypes.c_int32),
        ("transport", ctypes.c_int32),
        *(
            (name, ctypes.c_uint32)
            for name in (
                "id",
                "packet_bytes",
                "frame_bytes",
                "key_bytes",
                "gop_frames",
                "frame",
                "sequence",
                "timestamp",
                "ssrc",
                "packets_buffer",
            )
        ),
        ("buffer", ctypes.c_void_p),
    ]


class ChurnPlan(ctypes.Structure):
    """`struct churn_plan` of churn.h."""

    _fields_ = [
        ("describe", ctypes.c_char_p),
        ("setup", ctypes.c_char_p),
        ("play", ctypes.c_char_p),
        ("teardown", ctypes.c_char_p),
        ("address", ctypes.c_uint32),
        ("port", ctypes.c_uint16),
        ("workers", ctypes.c_uint16),
        ("client_port", ctypes.c_uint16),
        ("reserved", ctypes.c_uint16),
        ("seconds", ctypes.c_double),
    ]


class ChurnResult(ctypes.Structure):
    """`struct churn_result` of churn.h."""

    _fields_ = [
        ("sessions", ctypes.c_uint64),
        ("refused", ctypes.c_uint64),
        ("broken", ctypes.c_uint64),
        ("first_status", ctypes.c_int32),
        ("first_step", ctypes.c_int32),
        ("elapsed_s", ctypes.c_double),
        ("p50_ms", ctypes.c_double),
        ("p99_ms", ctypes.c_double),
        ("max_ms", ctypes.c_double),
        ("step_p50_ms", ctypes.c_double * 4),
    ]


class JoinPlan(ctypes.Structure):
    """`struct join_plan` of join.h."""

    _fields_ = [
        ("describe", ctypes.c_char_p),
        ("setup", ctypes.c_char_p),
        ("play", ctypes.c_char_p),
        ("address", ctypes.c_uint32),
        ("port", ctypes.c_uint16),
        ("count", ctypes.c_uint16),
        ("over_tcp", ctypes.c_int32),
        ("group", ctypes.c_int32),
        ("publisher", ctypes.c_int32),
        ("first_reader", ctypes.c_uint32),
        ("client_ports", ctypes.POINTER(ctypes.c_uint16)),
        ("deadline_s", ctypes.c_double),
    ]


class JoinResult(ctypes.Structure):
    """`struct join_result` of join.h."""

    _fields_ = [
        ("began_ns", ctypes.c_uint64),
        ("asked_ns", ctypes.c_uint64),
        ("refused", ctypes.c_uint64),
        ("broken", ctypes.c_uint64),
        ("first_status", ctypes.c_int32),
        ("first_step", ctypes.c_int32),
        ("answer_p99_ms", ctypes.c_double),
        ("answer_max_ms", ctypes.c_double),
    ]


def _signatures(library: ctypes.CDLL) -> None:
    u32, u64, fd, load = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p
    for name, result, arguments in (
        ("load_new", load, (u32, u32)),
        ("load_free", None, (load,)),
        ("load_readers", ctypes.POINTER(ReaderCounters), (load,)),
        ("load_publishers", ctypes.POINTER(PublisherCounters), (load,)),
        ("load_add_reader", fd, (load, fd, fd, fd, fd, fd, fd)),
        ("load_add_publisher", fd, (load, fd, fd, fd, u32, u32, u32, u32, u64, u64)),
        ("load_start_readers", fd, (load, fd)),
        ("load_start_publishers", fd, (load,)),
        ("load_window", None, (load, u64, u64)),
        ("load_received", u64, (load,)),
        ("load_longest_pass_ns", u64, (load,)),
        ("load_latency_us", ctypes.c_double, (load, u32, ctypes.c_double)),
        ("load_stop", None, (load,)),
        ("churn_run", fd, (ctypes.POINTER(ChurnPlan), ctypes.POINTER(ChurnResult))),
        (
            "join_run",
            fd,
            (
                load,
                ctypes.POINTER(JoinPlan),
                ctypes.POINTER(JoinResult),
                ctypes.POINTER(ctypes.c_int32),
            ),
        ),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def compiled(name: str, sources: list[Path], read: list[Path], options: tuple[str, ...]) -> Path:
    """Return what the C compiler makes of the sources; anew when one of the files read changed.

    Raises RuntimeError when there is no C compiler or it refuses.
    """
    digest = hashlib.sha256()
    for path in sorted({*sources, *read}):
        digest.update(path.read_bytes())
    target = cache_folder() / f"{name}-{digest.hexdigest()[:16]}"
    if not target.exists():
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise RuntimeError("the benchmark needs a C compiler: install gcc or set CC")
        part = target.with_suffix(f".{os.getpid()}.part")
        command = [compiler, *WARNINGS, *options, "-o", str(part), *map(str, sorted(sources))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{compiler} failed:\n{done.stderr}")
        part.replace(target)
    return target


def load_library() -> ctypes.CDLL:
    """Compile the C sources of the load (when they changed) and load them; raises RuntimeError."""
    sources = list(SOURCES.glob("*.c"))
    library = ctypes.CDLL(str(compiled("load", sources, list(SOURCES.glob("*.h")), SHARED)))
    _signatures(library)
    return library
