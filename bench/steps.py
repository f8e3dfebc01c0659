"""What is measured: the table of scenarios and their steps."""

from dataclasses import dataclass, field
from enum import StrEnum

from bench.fleet import Picture


class Kind(StrEnum):
    """How a step is run."""

    STREAM = "stream"
    CHURN = "churn"
    IDLE = "idle"
    START = "start"
    STORM = "storm"
    WHEP = "whep"
    MSE = "mse"
    HLS = "hls"


FOR_BROWSERS = frozenset({Kind.WHEP, Kind.MSE, Kind.HLS})


@dataclass(frozen=True, slots=True)
class Step:
    """One server start and one measurement."""

    scenario: str
    name: str
    kind: Kind = Kind.STREAM
    picture: Picture = field(default_factory=Picture)
    cameras: int = 1
    cameras_over_tcp: bool = False
    # Whether the server plays from the cameras, in place of taking what they publish.
    fetched: bool = False
    udp_readers: int = 0
    tcp_readers: int = 0
    stalled_readers: int = 0
    seconds_factor: float = 1.0
    playing: bool = True
    quick: bool = False
    # Of a storm: how many UDP readers are live before it, and where in the group it begins.
    live_readers: int = 0
    phase: float = 0.0
    # Browsers that watch; and a port for them beside readers by RTSP, asked so often.
    viewers: int = 0
    has_web: bool = False
    http_per_s: int = 0
    asks_api: bool = False

    @property
    def needs_web(self) -> bool:
        return self.has_web or self.kind in FOR_BROWSERS

    @property
    def stamps_arrivals(self) -> bool:
        """Whether readers' lateness ends at their sockets: whoever asks by HTTP from the load's
        CPU holds up the load, and what it would then note is its own."""
        return self.scenario == BESIDE

    @property
    def mounts(self) -> list[str]:
        """The paths of the cameras."""
        return [f"bench{number}" for number in range(self.cameras)]

    @property
    def needs_tcp(self) -> bool:
        return bool(self.tcp_readers or self.stalled_readers or self.cameras_over_tcp)

    @property
    def needs_udp(self) -> bool:
        return bool(self.udp_readers or self.live_readers)

    @property
    def repeatable(self) -> bool:
        """Whether `--repeat` is for it: the steps whose costs are promised and compared."""
        return self.scenario in {
            *(ONE_TO_MANY, MANY_TO_FEW, CHURN, STORM),
            *(Kind.WHEP, Kind.MSE, Kind.HLS, BESIDE),
        }


FOUR = Picture(bits_per_s=4e6)
TWENTY_FIVE = Picture(bits_per_s=25e6)
TWO = Picture(bits_per_s=2e6)
EIGHT_LONG_GOP = Picture(bits_per_s=8e6, gop_s=4.0)
FOUR_LONG_GOP = Picture(bits_per_s=4e6, gop_s=4.0, key_frame_weight=6.0)
# A session that ends at once should cost its requests, not the media of an instant start.
THIN = Picture(bits_per_s=2.5e5)
TRICKLE = Picture(bits_per_s=1600, frames_per_s=1.0, gop_s=1.0, packet_bytes=200)

ONE_TO_MANY = "one-to-many"
MANY_TO_FEW = "many-to-few"
CHURN = "churn"
STORM = "storm"
BESIDE = "beside the web"
VIEWER_COUNTS = (50, 200, 400)
READER_COUNTS = (50, 200, 400, 1000)
MOST_CAMERAS = 200


def _one_to_many() -> list[Step]:
    steps = []
    for over_tcp in (False, True):
        word = "TCP" if over_tcp else "UDP"
        for readers, picture in (*((n, FOUR) for n in READER_COUNTS), (100, TWENTY_FIVE)):
            steps.append(
                Step(
                    ONE_TO_MANY,
                    f"{readers} {word} readers at {picture.bits_per_s / 1e6:.0f} Mb/s",
                    picture=picture,
                    udp_readers=0 if over_tcp else readers,
                    tcp_readers=readers if over_tcp else 0,
                    quick=readers == 400,
                )
            )
    return steps


def _storms() -> list[Step]:
    """A crowd joins one mount: most is kept for it when all have asked right before a key frame."""
    crowds = [
        (400, over_tcp, picture, phase, 0)
        for over_tcp in (False, True)
        for picture, phase in (
            (FOUR, 0.05),
            (FOUR, 0.35),
            (FOUR, 0.65),
            (EIGHT_LONG_GOP, 0.8),
        )
    ]
    crowds += [(1000, over_tcp, FOUR, 0.5, 200) for over_tcp in (False, True)]
    return [
        Step(
            STORM,
            f"{readers} {'TCP' if over_tcp else 'UDP'} readers join {phase * picture.gop_s:.1f} s "
            f"behind a key frame, {picture.gop_s:.0f} s GOP at {picture.bits_per_s / 1e6:.0f} Mb/s"
            + (f", {live} live" if live else ""),
            Kind.STORM,
            picture,
            udp_readers=0 if over_tcp else readers,
            tcp_readers=readers if over_tcp else 0,
            live_readers=live,
            phase=phase,
            quick=readers == 400 and picture is FOUR and phase == 0.65,
        )
        for readers, over_tcp, picture, phase, live in crowds
    ]


def _browsers() -> list[Step]:
    """Viewers by each way of browsers, and what readers by RTSP notice of the port for them."""
    viewers = [
        Step(
            kind.value,
            f"{count} viewers by {word} at 4 Mb/s",
            kind,
            FOUR,
            viewers=count,
            quick=count == 200,
        )
        for kind, word, counts in (
            (Kind.WHEP, "WHEP", VIEWER_COUNTS),
            (Kind.MSE, "MSE", VIEWER_COUNTS),
            (Kind.HLS, "low-latency HLS", (50, 200)),
        )
        for count in counts
    ]
    beside = [
        Step(
            BESIDE,
            f"400 UDP readers, {text}",
            picture=FOUR,
            udp_readers=400,
            has_web=has_web,
            http_per_s=http_per_s,
            asks_api=asks_api,
        )
        for text, has_web, http_per_s, asks_api in (
            ("no port for browsers", False, 0, False),
            ("a port for browsers, unused", True, 0, False),
            ("100 HTTP requests a second", True, 100, False),
            ("100 requests of the API and a scrape a second", True, 101, True),
        )
    ]
    return viewers + beside


def _many_to_few() -> list[Step]:
    """Cameras that publish, and the same ones that the server fetches: packets cost the same."""
    return [
        Step(
            MANY_TO_FEW,
            f"200 {word} cameras{', fetched' if fetched else ''}, 1 {word} reader each, 2 Mb/s",
            picture=TWO,
            cameras=MOST_CAMERAS,
            cameras_over_tcp=over_tcp,
            fetched=fetched,
            udp_readers=0 if over_tcp else 200,
            tcp_readers=200 if over_tcp else 0,
        )
        for word, over_tcp in (("UDP", False), ("TCP", True))
        for fetched in (False, True)
    ]


STEPS: tuple[Step, ...] = (
    *_one_to_many(),
    *_many_to_few(),
    Step("mixed", "200 UDP and 200 TCP readers at 4 Mb/s", udp_readers=200, tcp_readers=200),
    *(
        Step(
            "slow",
            f"200 TCP and 50 UDP readers, {stalled} of the TCP readers stalled",
            udp_readers=50,
            tcp_readers=200 - stalled,
            stalled_readers=stalled,
            seconds_factor=2.0,
        )
        for stalled in (0, 2, 20)
    ),
    Step(CHURN, "sessions per second over UDP", Kind.CHURN, THIN, udp_readers=200, quick=True),
    Step(CHURN, "sessions per second over TCP", Kind.CHURN, THIN, tcp_readers=200),
    *_storms(),
    Step("idle", "1,000 UDP sessions set up, none playing", Kind.IDLE, TRICKLE, udp_readers=1000,
         playing=False),
    Step("idle", "1,000 UDP sessions playing 1 packet/s", Kind.IDLE, TRICKLE, udp_readers=1000),
    Step("idle", "1,000 TCP sessions playing 1 packet/s", Kind.IDLE, TRICKLE, tcp_readers=1000),
    Step("start", "PLAY to first key frame over UDP, 4 s GOP", Kind.START, FOUR_LONG_GOP,
         udp_readers=24),
    Step("start", "PLAY to first key frame over TCP, 4 s GOP", Kind.START, FOUR_LONG_GOP,
         tcp_readers=24),
    *_browsers(),
)  # fmt: skip

SCENARIOS = tuple(dict.fromkeys(step.scenario for step in STEPS))


def best_load_steps() -> list[Step]:
    """Reader counts between which a server that saturates early has its best figure."""
    return [
        Step(
            "best load",
            f"{readers} UDP readers at 4 Mb/s",
            picture=FOUR,
            udp_readers=readers,
        )
        for readers in (25, 50, 100, 150, 200, 250, 300, 350)
    ]
