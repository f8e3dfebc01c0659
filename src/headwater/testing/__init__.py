"""Cameras, devices and servers for tests of programs that read, publish or look for streams.

    with FakeCamera("rtp-info-seq-0", Drop(share=0.02), codec="h265", fps=5) as camera:
        ...  # let a program at camera.url

All of it is the standard library alone, runs on threads of its own, and follows from a seed. Each
name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.testing.camera import FakeCamera
    from headwater.testing.device import FakeOnvifDevice, profile_of
    from headwater.testing.fake_camera import (
        Answer,
        AsyncFakeCamera,
        CameraSettings,
        Challenge,
        Credentials,
        Fault,
        SeenRequest,
        Transport,
    )
    from headwater.testing.fake_camera.faults import (
        Ask,
        BackChannels,
        Bitrot,
        CutAfter,
        CutConnection,
        DescribeFirst,
        Drip,
        Drop,
        Echo,
        EmptyUnits,
        EndlessBody,
        EndlessHeaders,
        FloodOfRequests,
        ForeignChannel,
        ForeignSource,
        FragmentBits,
        Garbage,
        GarbageBetweenFrames,
        Hang,
        Jitter,
        LongSdp,
        MarkerOnParameterSets,
        NewSsrc,
        NoAnswer,
        NoParameterSets,
        NoSenderReports,
        NoSprop,
        OtherCSeq,
        Refuse,
        RenameHeader,
        Reorder,
        RepeatedSequence,
        Reply,
        ReportBeforePlayAnswer,
        ReportBytes,
        Require,
        Rewrite,
        RewriteSdp,
        SequenceJump,
        SetHeader,
        SilentOverUdp,
        SlowRead,
        SpropAround,
        StaleFrames,
        Stall,
        TimestampJump,
        TimestampWithinUnit,
        WrongClock,
        redirect,
    )
    from headwater.testing.fake_camera.quirk import Quirk
    from headwater.testing.fake_camera.quirks import QUIRKS
    from headwater.testing.fake_camera.sample import NOTES, PICTURES, note_of, number_of
    from headwater.testing.server import TestServer

__all__ = [
    "NOTES",
    "PICTURES",
    "QUIRKS",
    "Answer",
    "Ask",
    "AsyncFakeCamera",
    "BackChannels",
    "Bitrot",
    "CameraSettings",
    "Challenge",
    "Credentials",
    "CutAfter",
    "CutConnection",
    "DescribeFirst",
    "Drip",
    "Drop",
    "Echo",
    "EmptyUnits",
    "EndlessBody",
    "EndlessHeaders",
    "FakeCamera",
    "FakeOnvifDevice",
    "Fault",
    "FloodOfRequests",
    "ForeignChannel",
    "ForeignSource",
    "FragmentBits",
    "Garbage",
    "GarbageBetweenFrames",
    "Hang",
    "Jitter",
    "LongSdp",
    "MarkerOnParameterSets",
    "NewSsrc",
    "NoAnswer",
    "NoParameterSets",
    "NoSenderReports",
    "NoSprop",
    "OtherCSeq",
    "Quirk",
    "Refuse",
    "RenameHeader",
    "Reorder",
    "RepeatedSequence",
    "Reply",
    "ReportBeforePlayAnswer",
    "ReportBytes",
    "Require",
    "Rewrite",
    "RewriteSdp",
    "SeenRequest",
    "SequenceJump",
    "SetHeader",
    "SilentOverUdp",
    "SlowRead",
    "SpropAround",
    "StaleFrames",
    "Stall",
    "TestServer",
    "TimestampJump",
    "TimestampWithinUnit",
    "Transport",
    "WrongClock",
    "note_of",
    "number_of",
    "profile_of",
    "redirect",
]

_ROOMS = {
    "FakeCamera": "headwater.testing.camera",
    "FakeOnvifDevice": "headwater.testing.device",
    "profile_of": "headwater.testing.device",
    "TestServer": "headwater.testing.server",
    "Answer": "headwater.testing.fake_camera",
    "AsyncFakeCamera": "headwater.testing.fake_camera",
    "CameraSettings": "headwater.testing.fake_camera",
    "Challenge": "headwater.testing.fake_camera",
    "Credentials": "headwater.testing.fake_camera",
    "Fault": "headwater.testing.fake_camera",
    "SeenRequest": "headwater.testing.fake_camera",
    "Transport": "headwater.testing.fake_camera",
    "NOTES": "headwater.testing.fake_camera.sample",
    "PICTURES": "headwater.testing.fake_camera.sample",
    "note_of": "headwater.testing.fake_camera.sample",
    "number_of": "headwater.testing.fake_camera.sample",
    "QUIRKS": "headwater.testing.fake_camera.quirks",
    "Quirk": "headwater.testing.fake_camera.quirk",
}
"""Where each name is; all others are faults."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ROOMS.get(name, "headwater.testing.fake_camera.faults")), name)
