"""Oddities of RTP and RTCP."""

from __future__ import annotations

from headwater.testing.fake_camera import sample
from headwater.testing.fake_camera.faults import (
    EmptyUnits,
    ForeignChannel,
    ForeignSource,
    FragmentBits,
    GarbageBetweenFrames,
    MarkerOnParameterSets,
    NoParameterSets,
    NoSenderReports,
    RepeatedSequence,
    ReportBytes,
    SilentOverUdp,
    TimestampJump,
    TimestampWithinUnit,
)
from headwater.testing.fake_camera.quirk import Quirk

ENDLESS_SDES = b"\x81\xca\x00\x02\x12\x34\x56\x78\x01\x20he"
"""A source description whose item is longer than its packet, without an end."""
BROKEN_RTCP = b"\x80\xc8\x00\x40\x12\x34\x56\x78"
"""A sender report that is much shorter than its length says."""

MEDIA = (
    Quirk(
        "foreign-channel",
        "retina",
        "sends frames on channels that were never set up",
        (ForeignChannel(),),
    ),
    Quirk(
        "foreign-source",
        "Reolink RLC-410",
        "sends packets of sessions that are over among the others",
        (ForeignSource(),),
    ),
    Quirk(
        "garbage-between-frames",
        "go2rtc conn.go",
        "sends bytes that belong to nothing between interleaved frames",
        (GarbageBetweenFrames(),),
    ),
    Quirk(
        "large-datagrams",
        "Tapo",
        "sends UDP packets of 10,000 bytes",
        settings={"tracks": (sample.h264(payload_bytes=9_988),)},
    ),
    Quirk(
        "rtcp-broken",
        "gortsplib ca3a1443",
        "sends RTCP that is shorter than it says",
        (ReportBytes(BROKEN_RTCP),),
    ),
    Quirk(
        "sdes-without-end",
        "Hanwha",
        "sends source descriptions without an end",
        (ReportBytes(ENDLESS_SDES),),
    ),
    Quirk("no-sender-reports", "many", "never sends RTCP", (NoSenderReports(),)),
    Quirk(
        "repeated-sequence",
        "Geovision",
        "sends packets of type 50 with the sequence number of the packet before",
        (RepeatedSequence(),),
    ),
    Quirk(
        "fragments-without-start",
        "retina h264.rs",
        "never sets the start bit of fragments",
        (FragmentBits(start=False),),
    ),
    Quirk(
        "fragments-without-end",
        "retina h264.rs",
        "never sets the end bit of fragments",
        (FragmentBits(end=False),),
    ),
    Quirk(
        "fragments-change-type",
        "retina h264.rs",
        "names another type of NAL unit in fragments in the middle",
        (FragmentBits(middle_indicator=1),),
    ),
    Quirk(
        "timestamp-within-unit",
        "retina h264.rs",
        "changes the time stamp within a picture",
        (TimestampWithinUnit(),),
    ),
    Quirk(
        "marker-on-parameter-sets",
        "go2rtc rtp.go",
        "sets the marker bit on SPS and PPS",
        (MarkerOnParameterSets(),),
    ),
    Quirk(
        "joined-nal-units",
        "go2rtc, WebRTC#391",
        "puts SPS, PPS and picture into one packet, with start codes between",
        settings={"tracks": (sample.h264(joined=True),)},
    ),
    Quirk(
        "late-parameter-sets",
        "Amcrest",
        "begins without SPS and PPS",
        (NoParameterSets(before_unit=25),),
    ),
    Quirk(
        "empty-units",
        "Reolink RLC-510A",
        "sends access units that hold a delimiter only",
        (EmptyUnits(),),
    ),
    Quirk(
        "timestamp-step",
        "Home Assistant#144498",
        "steps back by an hour in its time stamps",
        (TimestampJump(units=20, by=-3_600 * 90_000),),
    ),
    Quirk(
        "silent-over-udp",
        "cameras behind a NAT",
        "accepts UDP, and nothing arrives by it",
        (SilentOverUdp(),),
    ),
)
