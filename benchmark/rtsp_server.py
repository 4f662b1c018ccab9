"""An RTSP server by GStreamer, for the system's own Python; the cameras' benchmark and tests run it as a program.

    /usr/bin/python3 rtsp_server.py PORT [FOLDER]

Serves user ada with password s3cret/1, below rtsp://127.0.0.1:PORT: /steady, H.264 of a ball at 25 images per second;
/garbage, RTP packets of an MPEG transport stream that is none; and /walkers, H.264 of the images of a folder (00000.jpg
and so on) at 25 per second, again and again. Says "ready", and ends with its standard input.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's packages are for this one
PACKAGES = (
    "apt install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)
# What ends well where all that is needed is there.
PROBE = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
    "Gst.init(None); assert all(map(Gst.ElementFactory.find, "
    "('x264enc', 'rtph264pay', 'rtpmp2tpay', 'appsrc', 'videotestsrc', 'multifilesrc', 'jpegdec')))"
)
USER, PASSWORD = "ada", "s3cret/1"
ROLE = "viewer"

_H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96"
_BALL = f"( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! {_H264} )"
_GARBAGE = (
    "( appsrc name=noise is-live=true format=time do-timestamp=true "
    "caps=video/mpegts,systemstream=true,packetsize=188 ! rtpmp2tpay name=pay0 pt=33 )"
)


def walkers(folder: Path) -> str:
    """The pipeline of /walkers."""
    last = len(list(folder.glob("*.jpg"))) - 1
    source = f'multifilesrc location="{folder}/%05d.jpg" start-index=0 stop-index={last} loop=true'
    return f"( {source} caps=image/jpeg,framerate=25/1 ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! {_H264} )"


def main() -> None:
    """Serve until standard input ends."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    def mount(path: str, pipeline: str, configure: Any = None) -> None:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(pipeline)
        factory.set_shared(True)
        access = f"{ROLE}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        factory.add_role_from_structure(Gst.Structure.from_string(access)[0])
        if configure:
            factory.connect("media-configure", configure)
        server.get_mount_points().add_factory(path, factory)

    def send_noise(_: Any, media: Any) -> None:
        source = media.get_element().get_child_by_name("noise")

        def push() -> bool:
            return bool(source.emit("push-buffer", Gst.Buffer.new_wrapped(os.urandom(1316))) == Gst.FlowReturn.OK)

        GLib.timeout_add(20, push)

    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1])
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    server.set_auth(auth)
    mount("/steady", _BALL)
    mount("/garbage", _GARBAGE, send_noise)
    if len(sys.argv) > 2:
        mount("/walkers", walkers(Path(sys.argv[2])))
    if not server.attach(None):
        sys.exit("the port is taken")
    os.write(1, b"ready\n")
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
