"""The layout for Foxglove, against a recording of what nodes publish, written by Foxglove's own library."""

import dataclasses
import importlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Image
from tracks import walking_track

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_to_message, tracks_to_message
from rt_gait_ros.nodes.image_conversion import bgr_to_image
from rt_gait_ros.resources import resource
from rt_gait_ros.tracking.track import TrackFrame

foxglove = pytest.importorskip("foxglove", reason="foxglove-sdk is not installed")
layouts = pytest.importorskip("foxglove.layouts", reason="foxglove-sdk is older than its layouts")
mcap = pytest.importorskip("mcap.reader", reason="mcap is not installed")
typesys = pytest.importorskip("rosbags.typesys", reason="the extra [bags] is not installed")

LAYOUT = json.loads(resource("config", "foxglove.json").read_text(encoding="utf-8"))
PANELS = {  # by the kind in a panel's id: how Foxglove's library describes its configuration
    "Image": layouts.ImageConfig,
    "3D": layouts.ThreeDeeConfig,
    "Table": layouts.TableConfig,
    "Plot": layouts.PlotConfig,
    "DiagnosticSummary": layouts.DiagnosticsSummaryConfig,
}
PARTS = {  # configurations within those
    "imageMode": layouts.ImageModeConfig,
    "cameraState": layouts.ThreeDeeCameraState,
    "paths": layouts.PlotSeries,
    "scene": layouts.BaseRendererSceneSettings,
    "grid": layouts.BaseRendererGridLayerSettings,
    "/overlay/markers": layouts.BaseRendererRosMarkerTopicSettings,
}
OF_THE_FILE = {"foxglovePanelTitle", "layerId", "frameLocked"}  # what the app adds to a panel or layer that it exports
DIAGNOSTICS, IMAGE = "diagnostic_msgs/msg/DiagnosticArray", "sensor_msgs/msg/CompressedImage"
MARKERS, IDENTITIES = "visualization_msgs/msg/MarkerArray", "rt_gait_ros/msg/GaitIdentityArray"


def panels(kind: str) -> list[dict[str, Any]]:
    return [config for name, config in LAYOUT["configById"].items() if name.startswith(f"{kind}!")]


def paths() -> list[str]:
    """Message paths of all panels."""
    return [table["topicPath"] for table in panels("Table")] + [
        series["value"] for plot in panels("Plot") for series in plot["paths"]
    ]


def topics() -> dict[str, str]:
    """Every topic of the layout, with the schema that its panel needs: the first three are names the app looks for."""
    found = {panel["imageMode"]["imageTopic"]: IMAGE for panel in panels("Image")}
    found |= {topic: MARKERS for panel in panels("3D") for topic in panel["topics"]}
    found |= {panel["topicToRender"]: DIAGNOSTICS for panel in panels("DiagnosticSummary")}
    return found | {path.partition(".")[0]: IDENTITIES for path in paths()}


def values_at(path: str, message: Any) -> Iterator[Any]:
    """What a message path without its topic leads to: fields, [n], slices [:], and filters {field==$variable}."""
    step, rest = re.match(r"(\.\w+|\[\d+\]|\[:\]|\{\w+==\$\w+\}|$)(.*)", path).groups()
    if not step:
        yield message
    elif step.startswith("."):
        yield from values_at(rest, getattr(message, step[1:]))  # AttributeError: there is no such field
    elif step == "[:]":
        for item in message:
            yield from values_at(rest, item)
    elif step.startswith("["):
        yield from values_at(rest, message[int(step[1:-1])])
    else:
        field, variable = re.findall(r"\w+", step)
        if getattr(message, field) == LAYOUT["globalVariables"][variable]:
            yield from values_at(rest, message)


def known_keys(config: Any) -> set[str]:
    """Keys of a configuration of Foxglove's library, as they are in JSON."""
    names = {field.name for field in dataclasses.fields(config)}
    return {re.sub(r"_(\w)", lambda match: match[1].upper(), name) for name in names} | OF_THE_FILE


def unknown_keys(config: Any, known: Any) -> Iterator[str]:
    """Keys of a part of the layout that Foxglove's library does not know."""
    for part in config if isinstance(config, list) else [config]:
        yield from part.keys() - known_keys(known)
        for name, below in {**part, **part.get("topics", {}), **part.get("layers", {})}.items():
            if name in PARTS and below is not part:
                yield from unknown_keys(below, PARTS[name])


def placed(node: Any) -> list[str]:
    """Ids of the panels in the tree of splits."""
    return [node] if isinstance(node, str) else [*placed(node["first"]), *placed(node["second"])]


def test_every_panel_has_its_place_and_only_settings_that_foxglove_knows():
    assert sorted(placed(LAYOUT["layout"])) == sorted(LAYOUT["configById"])
    for name, config in LAYOUT["configById"].items():
        assert list(unknown_keys(config, PANELS[name.partition("!")[0]])) == []


def step(ears: Any, publishers: Any) -> None:
    """One image with two people: one who is known, with a position, and one who is not yet."""
    stamp = time.time_ns()
    place = {"position": np.array([0.5, 0.1, 3.0]), "position_covariance": np.eye(3)}
    tracks = [
        walking_track(body_id, box=np.array([left, 40, 60, 150], np.float32), **place)
        for body_id, left in (("aaaaa", 100), ("bbbbb", 200))
    ]
    person = LAYOUT["globalVariables"]["person"]
    identities = [
        Identity("aaaaa", IdentityStatus.IDENTIFIED, stamp, "p1", person, 0.9, 0.1, 30),
        Identity("bbbbb", IdentityStatus.COLLECTING, stamp, reason="too few frames"),
    ]
    image, followed, known = publishers
    image.publish(bgr_to_image(np.full((240, 320, 3), 90, np.uint8), stamp, "front"))
    followed.publish(tracks_to_message(TrackFrame(stamp, "front", 320, 240, tracks=tracks)))
    known.publish(identities_to_message(IdentityFrame(stamp, "front", "gei", identities)))


@pytest.fixture
def recording(launch, ears, tmp_path):
    """An mcap file of every topic of the layout, each of the type that is published under its name."""
    publishers = [
        ears.create_publisher(Image, "image_raw", 1),
        ears.create_publisher(PersonTrackArray, "person_tracks", 10),
        ears.create_publisher(GaitIdentityArray, "gait_identities", 10),
    ]
    launch("overlay_node")
    wanted = set(topics())
    ears.until(lambda: wanted <= {name for name, _ in ears.get_topic_names_and_types()})
    kinds = {name: kinds[0] for name, kinds in ears.get_topic_names_and_types() if name in wanted}
    taken: list[tuple[str, bytes]] = []
    for name, kind in kinds.items():
        package, _, message = kind.split("/")
        ears.create_subscription(
            getattr(importlib.import_module(f"{package}.msg"), message),
            name,
            lambda data, name=name: taken.append((name, data)),
            10,
            raw=True,
        )
    ears.until(lambda: step(ears, publishers) or all([of for of, _ in taken].count(name) >= 3 for name in wanted))
    from rt_gait_ros.bags.definitions import our_types

    path, context, types = tmp_path / "people.mcap", foxglove.Context(), our_types()
    with foxglove.open_mcap(path, context=context):
        channels = {}
        for name, kind in kinds.items():
            text, _ = types.generate_msgdef(kind, ros_version=2)
            schema = foxglove.Schema(name=kind, encoding="ros2msg", data=text.encode())
            channels[name] = foxglove.Channel(name, schema=schema, message_encoding="cdr", context=context)
        for name, data in taken:
            channels[name].log(bytes(data))
    return path


def test_what_the_layout_shows_is_in_a_recording_with_the_schemas_that_its_panels_need(recording):
    store, found, reached = typesys.get_typestore(typesys.Stores.EMPTY), {}, {path: [] for path in paths()}
    namespaces = set()
    with recording.open("rb") as file:
        for schema, channel, message in mcap.make_reader(file).iter_messages():
            if channel.topic not in found:
                found[channel.topic] = schema.name
                types = typesys.get_types_from_msg(schema.data.decode(), schema.name)
                store.register({name: fields for name, fields in types.items() if name not in store.fielddefs})
            content = store.deserialize_cdr(message.data, schema.name)
            for path, values in reached.items():
                if path.startswith(f"{channel.topic}."):
                    values += values_at(path.removeprefix(channel.topic), content)
            if schema.name == MARKERS:
                namespaces |= {marker.ns for marker in content.markers if marker.ns}
            elif schema.name == IMAGE:
                assert content.data[:2].tobytes() == b"\xff\xd8"  # the beginning of a JPEG
            elif schema.name == DIAGNOSTICS:
                wanted = {panel["hardwareIdFilter"] for panel in panels("DiagnosticSummary")}
                assert {status.hardware_id for status in content.status} == wanted
    assert found == topics()
    (scene,) = panels("3D")
    assert namespaces == scene["topics"]["/overlay/markers"]["namespaces"].keys()
    for path, values in reached.items():
        assert values, f"{path} leads to nothing"
    table, everybody, one = (reached[path] for path in paths())
    assert {identity.reason for array in table for identity in array} == {"", "too few frames"}
    assert {round(float(value), 3) for value in everybody if not np.isnan(value)} == {0.9}
    assert {round(float(value), 3) for value in one} == {0.9}
