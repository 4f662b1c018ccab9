"""One robot whose program knows this version of a server's schema: ADDRESS SCHEMA HEARS.

It takes `enrol NAME ANGLE`, `forget NAME` and `look ANGLE` from its standard input. It says in lines of JSON whom its
copy has and what its diagnostics say, whenever that has changed, and of a look who is nearest. HEARS is "deaf" for a
program that asks for the schema where it connects alone, as all did up to the end of schema 4.
"""

import json
import signal
import sys
import threading
import time

import numpy as np

from rt_gait_ros.fleet import connection, exchange
from rt_gait_ros.fleet.opening import open_for_robot
from rt_gait_ros.gallery.person import Template


def say(what, **more):
    sys.stdout.write(json.dumps({"what": what, **more}) + "\n")
    sys.stdout.flush()


def at(angle):
    radians = np.deg2rad(float(angle))
    return np.array([[np.cos(radians), np.sin(radians)]], np.float32)


def watch(gallery):
    before = None
    while True:
        gallery.refresh()
        now = {"names": sorted(person.name for person in gallery.persons), "problem": gallery.problem}
        if now != before:
            say("is", **now)
        before = now
        time.sleep(0.05)


def main():
    address, schema, hears = sys.argv[1:]
    exchange.AGAIN_AFTER, exchange.AGAIN_AT_MOST = 0.1, 0.2
    connection.SCHEMA = int(schema)
    if hears == "deaf":
        connection._require_at_rest = lambda connection, address: None
    gallery, _ = open_for_robot(address)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    threading.Thread(target=watch, args=(gallery,), daemon=True).start()
    try:
        for line in sys.stdin:
            do(gallery, *line.split())
    finally:
        gallery.close()


def do(gallery, what, *about):
    if what == "enrol":
        gallery.add(about[0], [Template(at(about[1]), 1)], model="angle", gait_frame_kind="silhouette")
    elif what == "forget":
        gallery.forget(about[0])
    elif what == "look":
        found = gallery.references
        say("nearest", angle=about[0], name=found.persons[int(found.nearest(at(about[0])[None])[0].argmin())].name)


if __name__ == "__main__":
    main()
