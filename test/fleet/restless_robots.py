"""Two robots that enrol and forget without pause, and are killed (SIGKILL) at random: ADDRESS FOLDER TIMES.

Each robot is a process. What it was told that it had done is in a ledger; the last line of the output holds all of
that, and whom each copy knows once both robots were left in peace with the server.
"""

import json
import os
import random
import secrets
import signal
import sys
import time
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.fleet import exchange
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import connected, head_of
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template

exchange.AGAIN_AFTER = 0.1
exchange.LISTEN = 0.02


def note(ledger, what, person_id):
    with open(ledger, "a") as file:
        file.write(f"{what} {person_id}\n")


def live(address, path, ledger):
    """Enrol and forget until killed."""
    gallery = Gallery(CopyStore(address, path))
    while True:
        gallery.refresh()
        if gallery.persons and random.random() < 0.4:
            person_id = random.choice(gallery.persons).person_id
            note(ledger, "asked", person_id)
            try:
                gallery.forget(person_id)
                note(ledger, "forgotten", person_id)
            except GaitError:  # the other robot was quicker
                pass
        else:
            look = Template(np.random.default_rng().normal(size=(1, 4)).astype(np.float32), 1)
            person = gallery.add(secrets.token_hex(6), [look], model="m", gait_frame_kind="silhouette")
            note(ledger, "enrolled", person.person_id)
        time.sleep(random.random() * 0.02)


def settled(address, paths):
    """Whom each copy knows when nothing is left to be exchanged."""
    galleries = [Gallery(CopyStore(address, path)) for path in paths]
    deadline = time.monotonic() + 300
    while True:
        with connected(address) as connection:
            head = head_of(connection, address)
        states = [gallery.store._exchange._settled for gallery in galleries]
        for gallery in galleries:
            gallery.refresh()
        known = [[person.person_id for person in gallery.persons] for gallery in galleries]
        if all(state is not None and state[1] == head for state in states) and set(known[0]) == set(known[1]):
            return known
        if time.monotonic() > deadline:
            raise SystemExit(f"the robots do not agree: {[gallery.problem for gallery in galleries]}")
        time.sleep(0.2)


def main():
    address, folder, kills = parse(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    robots = ("spot", "rover")
    children = {}

    def start(name):
        child = os.fork()
        if not child:
            random.seed()
            try:
                live(address, folder / name, folder / f"{name}.ledger")
            finally:
                os._exit(1)
        children[name] = child

    for name in robots:
        start(name)
    for _ in range(kills):
        time.sleep(random.uniform(0.05, 0.6))
        name = random.choice(robots)
        os.kill(children[name], signal.SIGKILL)
        _, status = os.waitpid(children[name], 0)
        if not os.WIFSIGNALED(status):
            raise SystemExit(f"{name} ended by itself")
        start(name)
    time.sleep(1.0)
    for child in children.values():
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    known = settled(address, [folder / name for name in robots])
    told = {"enrolled": [], "asked": [], "forgotten": []}
    for name in robots:
        ledger = folder / f"{name}.ledger"
        for line in ledger.read_text().splitlines() if ledger.exists() else []:
            what, person_id = line.split()
            told[what].append(person_id)
    told["asked to forget"] = told.pop("asked")
    sys.stdout.write(json.dumps({**told, **dict(zip(robots, known, strict=True))}) + "\n")


if __name__ == "__main__":
    main()
