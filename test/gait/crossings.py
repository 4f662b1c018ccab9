"""Generated people who cross before a camera: embeddings whose truth is known, and a tracker that mixes them up."""

import time
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from tracks import walking_track

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery import gallery_edits
from rt_gait_ros.gallery.person import LEARNT, Content, Person, Template
from rt_gait_ros.gallery.references import index_of
from rt_gait_ros.gallery.search import TemplateMatrix
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.tracking.track import TrackFrame

PERIOD = 160_000_000  # ns between images
SIDES = (0.0, 90.0, 180.0, 270.0)
NUMBERS = 32
# Deviations of each of the 32 numbers: between people, of a side for everybody, of a side for one person, of clothes,
# of a look. With the lines of the first gaitset_small (0.83, 0.043) two people are within the accept line as often as
# there: 2 % of pairs seen from one side.
PEOPLE, SIDE, OWN_SIDE, CLOTHES, LOOK = 0.14, 0.15, 0.1, 0.06, 0.04
CONFIG = RecognizerConfig(
    model="crossings",
    frame_rate=0.0,
    window=8,
    min_frames=6,
    refresh_every=2,
    accept_distance=0.834,
    margin=0.0433,
)


class World:
    """People, numbered, and how they walk. Stands for a gait network: a frame holds number and side of who is in it."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.side = self._draw(SIDE, len(SIDES))
        self.people = []
        self._owners = {}
        self.spec = ModelSpec(
            "crossings",
            (TensorSpec("gait_frames", "uint8", (-1, -1, 8, 8)),),
            (TensorSpec("embedding", "float32", (-1, 1, NUMBERS)),),
            {"gait_frame_kind": "silhouette"},
        )

    def _draw(self, deviation, *shape):
        return self.random.normal(0.0, deviation, (*shape, NUMBERS))

    def newcomer(self):
        """Number of one more person."""
        self.people.append(self._draw(PEOPLE) + self._draw(OWN_SIDE, len(SIDES)) + self.side)
        return len(self.people) - 1

    def walk(self, person):
        """The person in today's clothes: a number, too."""
        self.people.append(self.people[person] + self._draw(CLOTHES))
        self._owners[len(self.people) - 1] = person
        return len(self.people) - 1

    def shown(self, frames):
        """The people whom gait frames show."""
        return {self._owners[number] for number in frames[:, 0, 0] + 256 * frames[:, 0, 1].astype(int)}

    def template(self, person, side):
        """As enrolled."""
        looks = self.people[self.walk(person)][SIDES.index(side)] + self._draw(LOOK)
        return Template(looks[None].astype(np.float32), 1, view=side, added=1)

    def describe(self, model, *, deadline=None):
        return self.spec

    def submit(self, model, inputs, *, deadline=None):
        frames = inputs["gait_frames"].astype(int)
        numbers, sides = frames[:, :, 0, 0] + 256 * frames[:, :, 0, 1], frames[:, :, 0, 2]
        found = [
            np.mean([self.people[n][s] for n, s in zip(*each, strict=True)], axis=0)
            for each in zip(numbers, sides, strict=True)
        ]
        future = Future()
        future.set_result({"embedding": (np.array(found) + self._draw(LOOK))[:, None].astype(np.float32)})
        return future

    def close(self):
        pass


class Household:
    """A gallery in memory; `truths` are the numbers of who is enrolled, by person_id."""

    def __init__(self, world, members):
        self.truths = {f"p{number}": person for number, person in enumerate(members)}
        persons = [
            Person(f"p{n}", f"person {n}", 1, 1, tuple(world.template(person, side) for side in (90.0, 270.0)))
            for n, person in enumerate(members)
        ]
        self.learnt = []
        self.store = SimpleNamespace(handover=None, is_shared=False)
        self._set(Content("crossings", "silhouette", tuple(persons)))

    def _set(self, content):
        self.content = content
        matrix = TemplateMatrix([t.embedding for p in content.persons for t in p.templates])
        self.references = index_of(content, matrix, None)

    def require_model(self, model):
        pass

    def refresh(self):
        return False

    def learn(self, person_id, template, limit):
        template = gallery_edits.checked(replace(template, origin=LEARNT), 1)
        self.learnt.append((person_id, template))
        self._set(gallery_edits.learnt(self.content, person_id, template, limit))


class Walker:
    """One person on a straight way, who turns at a moment. way: [(seconds, heading in degrees)], as SIDES."""

    def __init__(self, world, person, x, z, way):
        self.person, self.number, self.way = person, world.walk(person), way
        self.place, self.clock = np.array([x, z]), 0.0

    def step(self):
        seconds = PERIOD / 1e9
        self.clock += seconds
        heading = next(side for until, side in self.way if self.clock <= until)
        # as seen from the front the person comes along the line of sight
        ahead = {0.0: -self.place / np.hypot(*self.place), 90.0: np.array([1.0, 0.0]), 270.0: np.array([-1.0, 0.0])}
        self.place = self.place + 1.1 * seconds * ahead.get(heading, self.place / np.hypot(*self.place))
        self.side = SIDES.index(heading)

    def track(self, body_id, **changes):
        x, z = self.place
        height = 560 * 1.75 / z
        frame = np.zeros((8, 8), np.uint8)
        frame[0, :3] = self.number % 256, self.number // 256, self.side
        track = walking_track(
            body_id,
            box=np.array([640 + 560 * x / z - height / 6, 360 - height / 2, height / 3, height], np.float32),
            gait_frame=frame,
            position=np.array([x, 0.1, z]),
        )
        for name, value in changes.items():
            setattr(track, name, value)
        return track


class Watch:
    """A recogniser that sees a world."""

    def __init__(self, world, household, config=CONFIG):
        self.recognizer = GaitRecognizer(world, household, config, clock=time.monotonic)
        self.household, self.images = household, 0

    def show(self, *tracks):
        """One image. Returns {body_id: Identity}."""
        self.images += 1
        frame = TrackFrame(self.images * PERIOD, "camera", 1280, 720, tracks=list(tracks))
        return {identity.body_id: identity for identity in self.recognizer.update(frame).identities}


def crossing(seed, swap):
    """Two people cross, one of them enrolled; then both turn. swap: the tracker takes one for the other as they meet.

    Returns for each template that was learnt whether all that it was made of was that person.
    """
    world = World(seed)
    members = [world.newcomer() for _ in range(4)]
    other = members[1] if seed % 2 else world.newcomer()
    random = world.random
    meet, depth = random.uniform(1.0, 6.0), random.uniform(4.5, 6.0)
    turns = random.uniform(meet - 1.0, meet + 4.5, 2)
    ways = [[(turns[0], 90.0), (99.0, 0.0)], [(turns[1], 270.0), (99.0, random.choice([0.0, 180.0]))]]
    first = Walker(world, members[0], -1.1 * meet, depth, ways[0])
    second = Walker(world, other, 1.1 * meet, depth + random.uniform(0.2, 0.8), ways[1])
    watch, bodies = Watch(world, Household(world, members)), ["aaaaa", "bbbbb"]
    for _ in range(round((turns.max() + 3.0) * 1e9 / PERIOD)):
        for walker in (first, second):
            walker.step()
        if swap and first.clock >= meet:
            bodies, swap = bodies[::-1], False
        pairs = zip((first, second), bodies, strict=True)
        watch.show(*(walker.track(body) for walker, body in pairs if walker.place[1] > 1.5))
    return [world.shown(t.frames) == {watch.household.truths[p]} for p, t in watch.household.learnt]
