"""gst-rtsp-server by a short script, for the system's Python, which has GStreamer's bindings.

`gst_server.py play FILE` serves a Matroska file of H.264 and AAC at /film, `gst_server.py record
FILE` writes into one what is recorded there. The port goes out as a line.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PLAY = (
    "( filesrc location={file} ! matroskademux name=d "
    "d. ! queue ! h264parse ! rtph264pay name=pay0 pt=96 "
    "d. ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
)
RECORD = (
    "( rtph264depay name=depay0 ! h264parse ! matroskamux name=m streamable=true ! "
    "filesink location={file} buffer-mode=unbuffered async=false sync=false "
    "rtpmp4gdepay name=depay1 ! aacparse ! m. )"
)


def main(mode: str, file: str) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch((PLAY if mode == "play" else RECORD).format(file=file))
    if mode == "record":
        factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    server.get_mount_points().add_factory("/film", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201 - the parent reads it
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
