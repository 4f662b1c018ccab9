"""An RTSP server by GStreamer, for the system's own Python; tests run it as a program.

    /usr/bin/python3 rtsp_server.py PORT

Serves user ada with password s3cret/1, below rtsp://127.0.0.1:PORT: /steady, H.264 of a ball at 25 images per second,
and /garbage, RTP packets of an MPEG transport stream that is none. Says "ready", and ends with its standard input.
"""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PICTURES = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )"
)
GARBAGE = (
    "( appsrc name=noise is-live=true format=time do-timestamp=true "
    "caps=video/mpegts,systemstream=true,packetsize=188 ! rtpmp2tpay name=pay0 pt=33 )"
)
ROLE = "viewer"


def mount(server, path, pipeline, configure=None):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline)
    factory.set_shared(True)
    access = f"{ROLE}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.from_string(access)[0])
    if configure:
        factory.connect("media-configure", configure)
    server.get_mount_points().add_factory(path, factory)


def send_noise(_, media):
    source = media.get_element().get_child_by_name("noise")

    def push():
        return source.emit("push-buffer", Gst.Buffer.new_wrapped(os.urandom(1316))) == Gst.FlowReturn.OK

    GLib.timeout_add(20, push)


def main():
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1])
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("ada", "s3cret/1"), token)
    server.set_auth(auth)
    mount(server, "/steady", PICTURES)
    mount(server, "/garbage", GARBAGE, send_noise)
    if not server.attach(None):
        sys.exit("the port is taken")
    os.write(1, b"ready\n")
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
