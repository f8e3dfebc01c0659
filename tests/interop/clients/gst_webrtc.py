"""GStreamer's webrtcbin by a short script, for the system's Python, which has GStreamer's bindings.

`gst_webrtc.py watch URL COUNT` watches at a WHEP address and writes the number that each of so many
pictures tells, a line each; `gst_webrtc.py publish URL` publishes a ball and a tone at a WHIP
address until it is killed. `numbered_film` says how pictures tell their number.
"""

import sys
import threading
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

WIDTH, HEIGHT, BITS = 320, 176, 8
SHOWN = (
    "queue ! rtph264depay ! h264parse ! avdec_h264 ! videoconvert ! "
    f"video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT} ! "
    "fakesink name=shown signal-handoffs=true sync=false"
)
HEARD = "queue ! rtpopusdepay ! opusdec ! fakesink name=heard signal-handoffs=true sync=false"
H264 = (
    "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f"
)
OPUS = (
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,"
    "encoding-params=(string)2"
)
PUBLISHED = (
    "webrtcbin name=peer bundle-policy=max-bundle "
    f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={WIDTH},height={HEIGHT},"
    "framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=25 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 pt=96 ! "
    "application/x-rtp,media=video,encoding-name=H264,payload=96 ! peer. "
    "audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay pt=97 ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer."
)


class Peer:
    """One peer connection, set up by one offer and its answer."""

    def __init__(self, pipeline: Gst.Pipeline, url: str) -> None:
        self._pipeline = pipeline
        self._peer = pipeline.get_by_name("peer")
        # By itself libnice leaves loopback out. The bindings take the bin's only reference of it.
        self._ice = self._peer.props.ice_agent
        self._ice.emit("add-local-ip-address", "127.0.0.1")
        self._url = url
        self._loop = GLib.MainLoop()
        self.failed = ""
        self._peer.connect("on-negotiation-needed", self._offer)
        self._peer.connect("notify::ice-gathering-state", self._gathered)
        self._peer.connect("notify::connection-state", self._changed)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self.end(str(message.parse_error())))

    def run(self) -> None:
        """Go on until `end`."""
        self._pipeline.set_state(Gst.State.PLAYING)
        self._loop.run()
        self._pipeline.set_state(Gst.State.NULL)

    def end(self, why: str = "") -> None:
        """Be done with it."""
        self.failed = self.failed or why
        GLib.idle_add(self._loop.quit)

    def _offer(self, _peer: Gst.Element) -> None:
        promise = Gst.Promise.new_with_change_func(self._offered)
        self._peer.emit("create-offer", None, promise)

    def _offered(self, promise: Gst.Promise) -> None:
        # The offer is a part of the reply, which has to stay.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self._peer.emit("set-local-description", offer, None)

    def _gathered(self, peer: Gst.Element, _state: object) -> None:
        if peer.props.ice_gathering_state is GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            # Nothing may wait for the answer in GStreamer's own thread.
            threading.Thread(target=self._post, daemon=True).start()

    def _post(self) -> None:
        text = self._peer.props.local_description.sdp.as_text()
        request = urllib.request.Request(
            self._url, text.encode(), {"Content-Type": "application/sdp"}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                answer = response.read().decode()
        except OSError as error:
            self.end(f"{self._url}: {error}")
            return
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(
            GstWebRTC.WebRTCSDPType.ANSWER, message
        )
        self._peer.emit("set-remote-description", description, None)

    def _changed(self, peer: Gst.Element, _state: object) -> None:
        if peer.props.connection_state is GstWebRTC.WebRTCPeerConnectionState.FAILED:
            self.end("the peer connection failed")


def watch(url: str, count: int) -> str:
    """Write the numbers of so many pictures; return what went wrong."""
    pipeline = Gst.Pipeline.new()
    bin_ = Gst.ElementFactory.make("webrtcbin", "peer")
    bin_.props.bundle_policy = GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE
    pipeline.add(bin_)
    peer = Peer(pipeline, url)
    shown = 0
    sounds = 0

    def picture(_sink: Gst.Element, buffer: Gst.Buffer, _pad: Gst.Pad) -> None:
        nonlocal shown
        if shown == count:
            return
        shown += 1
        _, mapped = buffer.map(Gst.MapFlags.READ)
        row, column = WIDTH * (HEIGHT // 2), WIDTH // BITS
        luma = [mapped.data[row + bit * column + column // 2] for bit in range(BITS)]
        buffer.unmap(mapped)
        print(sum(1 << bit for bit in range(BITS) if luma[bit] > 127), flush=True)  # noqa: T201
        if shown == count:
            print(f"sounds {sounds}", flush=True)  # noqa: T201 - the parent reads it
            peer.end()

    def sound(*_: object) -> None:
        nonlocal sounds
        sounds += 1

    def added(_bin: Gst.Element, pad: Gst.Pad) -> None:
        is_video = pad.get_current_caps().get_structure(0).get_string("media") == "video"
        taken = Gst.parse_bin_from_description(SHOWN if is_video else HEARD, True)
        name, heard = ("shown", picture) if is_video else ("heard", sound)
        taken.get_by_name(name).connect("handoff", heard)
        pipeline.add(taken)
        taken.sync_state_with_parent()
        pad.link(taken.get_static_pad("sink"))

    bin_.connect("pad-added", added)
    receiving = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
    for caps in (H264, OPUS):
        bin_.emit("add-transceiver", receiving, Gst.Caps.from_string(caps))
    peer.run()
    return peer.failed


def publish(url: str) -> str:
    """Publish until killed; return what went wrong."""
    pipeline = Gst.parse_launch(PUBLISHED)
    peer = Peer(pipeline, url)
    peer.run()
    return peer.failed


if __name__ == "__main__":
    Gst.init(None)
    mode, address, *more = sys.argv[1:]
    sys.exit((watch(address, int(more[0])) if mode == "watch" else publish(address)) or 0)
