"""`rt-gait doctor --running`: what is wrong with nodes that run, from what they say and what goes over their topics."""

from collections.abc import Iterator, Sequence

import numpy as np

from rt_gait_ros.cli.findings import OK, PROBLEM, WARNING, Finding
from rt_gait_ros.nodes.live_system import ERROR, Arrival, LiveSystem, NodeState, TopicState
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.serving.triton_client import TritonClient

CHAIN = ("pose_node", "tracker_node", "gait_node")
FAR = 60.0  # seconds between clocks from which on they are different clocks
OLD = 1.0  # seconds between an image's stamp and its arrival, from which on nobody can follow with it
SLOW = 1000.0  # ms of latency (p95)
# Share of images that may be missing. A segment of Fast DDS's default size loses two thirds at 30 Hz (docs/robot.md).
LOST = 0.3
SEGMENT = 200_000  # bytes of an image from which on Fast DDS's default segment is too small for a queue of them
FEW = 10  # images that tell nothing of a rate


def findings(system: LiveSystem) -> list[Finding]:
    """Everything that was seen, one line each: what is wrong, and what to do."""
    if not system.nodes:
        return [
            Finding(
                "nodes",
                PROBLEM,
                "no node of rt_gait_ros is heard: start them, or give this shell their ROS_DOMAIN_ID, "
                "RMW_IMPLEMENTATION and ROS_AUTOMATIC_DISCOVERY_RANGE",
            )
        ]
    found = [finding for name in sorted(system.nodes) for finding in _node(name, system.nodes[name])]
    found += _missing(system)
    found += [
        Finding(name, PROBLEM, "several nodes have this name: end all but one, or give each a namespace")
        for name in system.namesakes
    ]
    found += _clocks(system)
    for topic in sorted(system.topics):
        found += _topic(topic, system.topics[topic], is_input=topic in system.images)
    found += _servers(system)
    found += _galleries(system)
    found += _people(system)
    return found


def _node(name: str, node: NodeState) -> Iterator[Finding]:
    values = node.values
    state = values.get("state", "")
    if node.level == ERROR:
        yield Finding(name, PROBLEM, node.message)
    elif state != "active":
        advice = f"ros2 lifecycle set /{name} {'configure' if state == 'unconfigured' else 'activate'}"
        yield Finding(name, PROBLEM, f"is {state}: `{advice}`, or start it with autostart true")
    elif values.get("networks") == "not ready":
        yield Finding(name, WARNING, "its networks have not answered yet: it asks for them with the first person")
    else:
        yield Finding(
            name, OK, f"active, {values.get('rate_in_hz', '?')} in and {values.get('rate_out_hz', '?')} out a second"
        )
    rate_in, rate_out = _number(values, "rate_in_hz"), _number(values, "rate_out_hz")
    if rate_in > 1.0 and rate_out < rate_in * (1.0 - LOST):
        yield Finding(
            name,
            WARNING,
            f"uses {rate_out:.1f} of {rate_in:.1f} a second, too slow for the rest: fewer people (budget), a lighter "
            "detector or person network, or a GPU (docs/pose.md)",
        )
    if (late := _number(values, "latency_p95_ms")) > SLOW:
        yield Finding(name, WARNING, f"its results are {late:.0f} ms behind the camera (p95): the machine is too busy")


def _missing(system: LiveSystem) -> Iterator[Finding]:
    """Nodes of the chain that are not there, in a namespace where others of it are."""
    spaces = {name.rpartition("/")[0] for name in system.nodes if name.rpartition("/")[2] in CHAIN}
    for space in sorted(spaces):
        for node in CHAIN:
            name = f"{space}/{node}".lstrip("/")
            if name not in system.nodes:
                yield Finding(name, PROBLEM, f"is not heard: start it in the namespace /{space}")


def _clocks(system: LiveSystem) -> Iterator[Finding]:
    """Whether all go by one clock, and that clock goes."""
    apart = {name: abs(node.heard - node.stamp) * 1e-9 > FAR for name, node in system.nodes.items()}
    if any(apart.values()) and not all(apart.values()):
        other = ", ".join(sorted(name for name, far in apart.items() if far))
        yield Finding(
            "time",
            PROBLEM,
            f"{other} go by another clock than the rest: set use_sim_time of all nodes to the same value",
        )
    if system.clocks > 1:
        yield Finding(
            "time", PROBLEM, f"{system.clocks} nodes publish /clock, and time jumps between them: stop all but one"
        )


def _topic(topic: str, state: TopicState, *, is_input: bool) -> Iterator[Finding]:
    for line in state.mismatches:
        yield Finding(topic, PROBLEM, f"{line}: set qos_overrides.{topic} of one of them (docs/robot.md)")
    if not state.publishers:
        yield Finding(topic, PROBLEM, f"{', '.join(state.subscribers)} waits, and nobody publishes: start it, or remap")
    elif len(state.kinds) > 1:
        yield Finding(topic, PROBLEM, f"carries {', '.join(sorted(state.kinds))} at once: give each a topic of its own")
    elif len(state.publishers) > 1:
        yield Finding(
            topic, PROBLEM, f"{' and '.join(state.publishers)} publish on it: give each its own topic and nodes"
        )
    if is_input and state.publishers:
        yield from _images(topic, state.arrivals)


def _images(topic: str, arrivals: Sequence[Arrival]) -> Iterator[Finding]:
    if not arrivals:
        yield Finding(topic, PROBLEM, "is published, and no image came: is the camera running, and on this network?")
        return
    stamps = np.array([arrival.stamp for arrival in arrivals], np.int64)
    heard = np.array([arrival.heard for arrival in arrivals], np.int64)
    size = int(np.median([arrival.size for arrival in arrivals]))
    steps = np.diff(stamps)
    rate = (len(heard) - 1) / max((heard[-1] - heard[0]) * 1e-9, 1e-9) if len(heard) > 1 else 0.0
    if not stamps.any() or (len(steps) and np.mean(steps == 0) > 0.5):
        what = "0" if not stamps.any() else "the same"
        yield Finding(topic, PROBLEM, f"the stamps are {what} again and again: have the driver stamp each image")
        return
    if (steps < 0).any():
        yield Finding(topic, WARNING, "stamps jump back: a bag that loops, or two cameras on one topic")
    age = float(np.median(heard - stamps)) * 1e-9
    if abs(age) > FAR:
        yield Finding(
            topic, WARNING, "the stamps are of another clock than this machine's: a bag, or a clock that is wrong"
        )
    elif age > OLD:
        yield Finding(
            topic, PROBLEM, f"images are {age:.1f} s old when they come: shorten the camera's queue, or the network's"
        )
    elif age < -OLD:
        yield Finding(
            topic, PROBLEM, f"images are stamped {-age:.1f} s in the future: set the clocks of both machines (NTP)"
        )
    if (lost := lost_share(steps)) > LOST:
        profile = (
            f"export FASTRTPS_DEFAULT_PROFILES_FILE={resource('config', 'fastdds.xml')} where its publisher starts"
        )
        advice = profile if size > SEGMENT else "look at the network, or at the load of its publisher"
        yield Finding(topic, WARNING, f"about {lost:.0%} of its images do not arrive: {advice} (docs/robot.md)")
    else:
        yield Finding(topic, OK, f"{rate:.1f} images a second of {size / 1e6:.2g} MB")


def lost_share(steps: np.ndarray) -> float:
    """Share of images that are missing. steps: (N,) ns between the stamps of those that came; 0 for too few.

    A camera's stamps are a period apart, and a lost image makes the step a multiple of it: the period is the tenth
    percentile, so that this holds until nine of ten images are lost.
    """
    steps = steps[steps > 0]
    if len(steps) < FEW:
        return 0.0
    period = float(np.percentile(steps, 10))
    return 1.0 - len(steps) / float(np.maximum(np.round(steps / period), 1).sum())


def _servers(system: LiveSystem) -> Iterator[Finding]:
    urls = {url: name for name, node in sorted(system.nodes.items()) if (url := node.values.get("triton_url"))}
    for url, name in urls.items():
        client = TritonClient(url, timeout=1.0)
        try:
            yield Finding("Triton", OK, f"{client.version()} answers at {url}")
        except InferenceError:
            yield Finding("Triton", PROBLEM, f"no server answers at {url}, which {name} asks: `rt-gait triton up`")
        finally:
            client.close()


def _galleries(system: LiveSystem) -> Iterator[Finding]:
    for name, node in sorted(system.nodes.items()):
        if "gallery" not in node.values:
            continue
        known = node.values.get("enrolled", "0")
        if known == "0":
            yield Finding("gallery", WARNING, f"nobody is enrolled in {node.values['gallery']}: /{name}/enroll_person")
        else:
            yield Finding("gallery", OK, f"{known} enrolled in {node.values['gallery']}")


def _people(system: LiveSystem) -> Iterator[Finding]:
    """Who is there, and why not by name; nothing is wrong with that."""
    for _, frame in sorted(system.people.items()):
        for identity in frame.identities:
            yield Finding(f"person {identity.body_id}", OK, identity.name or f"no name: {identity.reason}")


def _number(values: dict[str, str], key: str) -> float:
    """A figure of the diagnostics; 0 where it is none."""
    try:
        number = float(values.get(key, "nan"))
    except ValueError:
        return 0.0
    return number if np.isfinite(number) else 0.0
