"""What a bag holds for recognition, as the nodes would have taken it from the topics: images, or people with poses."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from sensor_msgs.msg import CompressedImage, Image

from rt_gait_ros.bags.errors import BagError
from rt_gait_ros.bags.reader import BagReader, Record, TopicInfo
from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.lines import one_line
from rt_gait_ros.msg import PersonPoseArray
from rt_gait_ros.nodes.conversions import frame_from_message, poses_from_message
from rt_gait_ros.nodes.image_inlet import COMPRESSED
from rt_gait_ros.nodes.message_bytes import from_bytes
from rt_gait_ros.nodes.stamps import SHORT, Stamps
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.tracking.tracker import LATE

RAW_KIND, COMPRESSED_KIND = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
POSES_KIND = "rt_gait_ros/msg/PersonPoseArray"
_MESSAGES = {RAW_KIND: Image, COMPRESSED_KIND: CompressedImage, POSES_KIND: PersonPoseArray}
_IMAGES = (RAW_KIND, COMPRESSED_KIND)


def choose_topic(bag: BagReader, wanted: str = "", *, poses: bool = False) -> TopicInfo:
    """The topic of a bag to begin with. Raises BagError for none, and for several that could be meant.

    wanted: its name; "": the only image topic, else the only one of PersonPoseArray. poses: the latter, whatever images
    there are. Of an image's plain and compressed topic the plain one counts; depth is left out.
    """
    if wanted:
        return _named(bag, wanted)
    filled = [topic for topic in bag.topics.values() if topic.count]
    images = [topic for topic in filled if topic.kind in _IMAGES and "depth" not in topic.name.lower()]
    plain = {topic.name for topic in images if topic.kind == RAW_KIND}
    images = [topic for topic in images if topic.name.removesuffix(COMPRESSED) not in plain - {topic.name}]
    people = [topic for topic in filled if topic.kind == POSES_KIND]
    for kind, found in (("images", [] if poses else images), ("people with poses", people)):
        if len(found) > 1:
            names = ", ".join(topic.name for topic in found)
            raise BagError(f"{bag.name} has {kind} on {names}: choose one with --topic")
        if found:
            return found[0]
    what = f"no {POSES_KIND}" if poses else f"neither images nor {POSES_KIND}"
    there = ", ".join(f"{topic.name} ({topic.kind})" for topic in filled) or "no message at all"
    raise BagError(f"{bag.name} has {what}: it holds {there}")


def _named(bag: BagReader, wanted: str) -> TopicInfo:
    name = wanted if wanted.startswith("/") else f"/{wanted}"
    topic = bag.topics.get(name)
    if topic is None or not topic.count:
        raise BagError(f"{bag.name} has no message on {name}: it has {', '.join(bag.topics) or 'no topic'}")
    if topic.kind not in _MESSAGES:
        raise BagError(f"{name} holds {topic.kind}: {', '.join(_MESSAGES)} can be replayed")
    return topic


class BagInput:
    """The frames or poses of one topic of a bag, in the order of their recording, each once and none left out.

    counts: "read", "unreadable" (messages that make no sense), "late" (a stamp that is not later than the one before:
    the tracker can do nothing with it). problems: what is wrong with the recording, one line for each kind of it.
    """

    def __init__(self, bag: BagReader, topic: TopicInfo) -> None:
        """topic: as `choose_topic` gives it."""
        self.topic = topic
        self.counts: Counter[str] = Counter(read=0, unreadable=0, late=0)
        self._bag = bag
        self._stamps = Stamps(topic.name)
        self._said: dict[str, str] = {}

    @property
    def problems(self) -> list[str]:
        """One line each."""
        return list(self._said.values())

    def __iter__(self) -> Iterator[Frame | PoseFrame]:
        """Raises BagError where the bag is damaged, or nothing of it can be read."""
        last: int | None = None
        for item, received in self._items():
            stamp = self._stamps.settle(item.stamp, received, item.frame_id)
            if self._stamps.problem:
                self._said.setdefault("stamps", self._stamps.problem)
            if last is not None and 0 <= last - stamp < LATE * 1e9:
                self.counts["late"] += 1
                self._said["late"] = (
                    f"{self.counts['late']} of {self.topic.count} messages on {self.topic.name} are out of order (a "
                    "stamp not later than the one before) and were left out, as the nodes do"
                )
                continue
            if last is not None and stamp < last:
                self._said.setdefault(
                    "jump",
                    f"stamps on {self.topic.name} jump back by {(last - stamp) / 1e9:.3g} s, as in a recording of a "
                    "loop: all tracks end there and begin anew",
                )
            last = stamp
            self.counts["read"] += 1
            yield item if stamp == item.stamp else replace(item, stamp=stamp)
        if not self.counts["read"]:
            raise BagError(f"nothing on {self.topic.name} of {self._bag.name} can be read: {'; '.join(self.problems)}")

    def _items(self) -> Iterator[tuple[Frame | PoseFrame, int]]:
        """What can be read, with the times of recording. The first few tell whether their stamps can be gone by."""
        items = (
            (item, record.received)
            for record in self._bag.records([self.topic.name])
            if (item := self._read(record)) is not None
        )
        first, damage = [], None
        try:
            for found in islice(items, SHORT):
                first.append(found)
        except BagError as error:  # what was read before is used, as it is further on
            damage = error
        self._stamps.foresee([(item.stamp, received, item.frame_id) for item, received in first])
        yield from first
        if damage is not None:
            raise damage
        yield from items

    def _read(self, record: Record) -> Frame | PoseFrame | None:
        try:
            message = from_bytes(record.data, _MESSAGES[record.kind])
            return poses_from_message(message) if record.kind == POSES_KIND else frame_from_message(message)
        except GaitError as error:
            reason = str(error)
        except Exception as error:  # bytes that are no such message raise whatever the middleware raises
            reason = f"it is no {record.kind} ({one_line(str(error))})"
        self.counts["unreadable"] += 1
        first = self._said.get("unreadable", "").partition(": ")[2] or reason
        self._said["unreadable"] = (
            f"{self.counts['unreadable']} of {self.topic.count} messages on {self.topic.name} cannot be read and were "
            f"left out: {first}"
        )
        return None
