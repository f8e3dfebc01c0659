"""What was found out about a source: plain values, as `headwater probe --json` prints them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackProbe:
    """One track, as it was described and as it came.

    Attributes:
        index: its place among the tracks that were played.
        kind: `video`, `audio`, `application` …
        encoding: the codec, such as `H264`.
        clock_rate_hz: units of its RTP timestamps a second.
        profile: profile and level of the codec, such as `High 4.0`; "" where unknown.
        width: of the picture, in pixels; None for what is no picture or is not known yet.
        height: as `width`.
        told_frame_rate_hz: pictures a second, as the parameter sets say; None where they do not.
        frame_rate_hz: pictures a second, as they came.
        sample_rate_hz: of sound; None for other tracks.
        channels: of sound; None for other tracks.
        packets: RTP packets that came.
        bit_rate_per_s: bits a second of RTP, on average.
        peak_bit_rate_per_s: the same in the fullest second.
        largest_packet_bytes: the largest RTP packet.
        key_frames: how many began; None where this codec's cannot be told.
        key_frame_distance_s: seconds from one to the next, on average; None below two.
        longest_key_frame_distance_s: the longest of them.
        reordered: whether pictures come in another order than they are shown (B-frames).
        parameters_described: whether the description has the parameter sets; None where the codec
            has none.
        parameters_sent: whether they come in the stream as well.
        lost_packets: gaps in the sequence numbers.
        lost_share: the same as a share of what was sent, 0.0 to 1.0.
        jitter_s: interarrival jitter (RFC 3550 §6.4.1).
        sender_reports: RTCP sender reports that came.
        clock_offset_s: how far the source's wall clock is ahead of this machine's, by its sender
            reports; None without any.
        clock_drift_ppm: how much faster it runs, in millionths; None below three reports.
        clock_drift_error_ppm: how far `clock_drift_ppm` may be wrong; less with a longer time.
    """

    index: int
    kind: str
    encoding: str
    clock_rate_hz: int
    profile: str
    width: int | None
    height: int | None
    told_frame_rate_hz: float | None
    frame_rate_hz: float | None
    sample_rate_hz: int | None
    channels: int | None
    packets: int
    bit_rate_per_s: float
    peak_bit_rate_per_s: float
    largest_packet_bytes: int
    key_frames: int | None
    key_frame_distance_s: float | None
    longest_key_frame_distance_s: float | None
    reordered: bool
    parameters_described: bool | None
    parameters_sent: bool | None
    lost_packets: int
    lost_share: float
    jitter_s: float
    sender_reports: int
    clock_offset_s: float | None
    clock_drift_ppm: float | None
    clock_drift_error_ppm: float | None


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """A source, as it was found.

    Attributes:
        url: the URL without user name and password.
        server: what the server calls itself; "" where it does not.
        methods: the methods that it offers.
        session_timeout_s: after how many seconds without a request it ends a session.
        transport: how the media came that was measured.
        transports: what became of each transport that was tried: `works`, or why it does not.
        described_s: seconds from the beginning until the description was here.
        first_packet_s: the same until the first packet.
        first_picture_s: the same until the first picture that can be decoded, or where there is no
            video the first sound; None where none came.
        measured_s: how long packets were measured.
        ended: why the source ended before the time was over; "" where it did not.
        tracks: the tracks that were played.
        warnings: what may cause trouble, in words.
    """

    url: str
    server: str
    methods: tuple[str, ...]
    session_timeout_s: int
    transport: str
    transports: dict[str, str]
    described_s: float
    first_packet_s: float
    first_picture_s: float | None
    measured_s: float
    ended: str
    tracks: tuple[TrackProbe, ...]
    warnings: tuple[str, ...]
