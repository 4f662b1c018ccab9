"""Parameters of the nodes, declared from config/parameters.yaml: their types, ranges, defaults and descriptions."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.sources.names import keep_passwords, written_out

C = TypeVar("C")

UNCONFIGURED = "unconfigured"  # the life cycle's first state
# How a refusal of a node with the parameter `locked` begins.
LOCKED = "this node is locked"
_SWITCH = {"true": True, "1": True, "false": False, "0": False}
COMMON = "common"  # section of the parameters that every node has
TYPES = {
    "bool": Parameter.Type.BOOL,
    "integer": Parameter.Type.INTEGER,
    "double": Parameter.Type.DOUBLE,
    "string": Parameter.Type.STRING,
    "strings": Parameter.Type.STRING_ARRAY,
}
# Declared by rclpy itself.
BUILT_IN = ("use_sim_time", "start_type_description_service")
BUILT_IN_PREFIX = "qos_overrides."
_TOLD: set[str] = set()  # what this process has said of parameters that nobody reads


class ParameterError(UsageError):
    """A parameter that was given is of the wrong type or out of its range."""


@dataclass(frozen=True, slots=True)
class Specification:
    """One parameter as parameters.yaml describes it.

    range: (least, most) of a number. choices: all that a string may be; empty: anything. dynamic: may be changed while
    the node runs; others while it is unconfigured, unless fixed: read when the process starts. hides_passwords: every
    node of the network may read a parameter, so passwords in it are replaced before it is declared or set.
    """

    name: str
    type: str
    default: Any
    description: str
    range: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    dynamic: bool = False
    fixed: bool = False
    hides_passwords: bool = False

    @property
    def descriptor(self) -> ParameterDescriptor:
        """The same as ROS says it."""
        descriptor = ParameterDescriptor(
            name=self.name,
            type=TYPES[self.type].value,
            description=self.description,
            additional_constraints="; ".join(self._constraints()),
            read_only=self.fixed,
        )
        if self.range and self.type == "integer":
            descriptor.integer_range = [IntegerRange(from_value=int(self.range[0]), to_value=int(self.range[1]))]
        elif self.range:
            least, most = map(float, self.range)
            descriptor.floating_point_range = [FloatingPointRange(from_value=least, to_value=most)]
        return descriptor

    def _constraints(self) -> Iterator[str]:
        if self.choices:
            yield f"one of: {self.choice_words}"
        if not self.dynamic and not self.fixed:
            yield f"to be changed while {UNCONFIGURED}"

    @property
    def choice_words(self) -> str:
        """The choices for people to read."""
        return ", ".join(choice or "'' (empty)" for choice in self.choices)

    def complaint(self, value: Any) -> str:
        """Why `value`, of the right type, will not do; empty when it will."""
        if self.choices and value not in self.choices:
            return f"parameter '{self.name}' is '{value}' but must be one of: {self.choice_words}"
        if self.range and not self.range[0] <= value <= self.range[1]:
            return f"parameter '{self.name}' is {value} but must lie within {self.range[0]} .. {self.range[1]}"
        return ""


@cache
def specifications() -> Mapping[str, Mapping[str, Specification]]:
    """Every node's parameters by node and parameter name, the common ones included."""
    text = resource("config", "parameters.yaml").read_text(encoding="utf-8")
    sections = {
        node: {name: _specification(name, entry) for name, entry in (entries or {}).items()}
        for node, entries in yaml.safe_load(text).items()
    }
    common = sections.pop(COMMON)
    return {node: {**own, **common} for node, own in sections.items()}


def declare(node: Node, section: str) -> None:
    """Declare the parameters of `section` on `node`, with what was given on the command line or in a parameter file.

    An unknown one is ignored with a warning, as ROS nodes do: a section for all nodes may hold what is for others.
    Raises ParameterError for the first that is of the wrong type or out of range.
    """
    known = specifications()[section]
    _tell_unknown(node, section, known)
    for specification in known.values():
        _declare_one(node, section, specification)


def tell_unused_overrides(node: Node) -> None:
    """One line for each of qos_overrides that nothing of a running node goes by."""
    for name in _overrides(node):
        if name.startswith(BUILT_IN_PREFIX) and not node.has_parameter(name) and name not in _TOLD:
            _TOLD.add(name)
            why = (
                "no topic that it has open now, or no policy that can be set (history, depth, reliability, durability)"
            )
            node.get_logger().info(f"{name} is not used by {node.get_name()}: {why}")


def watch(node: Node, section: str, accept: Callable[[Mapping[str, Any]], None], phase: Callable[[], str]) -> None:
    """Check every later change of a parameter.

    accept: hears new values of dynamic ones, and raises GaitError to refuse them. phase: the node's state, for those
    that are read when it configures. A node that is locked refuses every change.
    """
    known = specifications()[section]
    locked = node.get_parameter("locked").value

    def check(parameters: Iterable[Parameter]) -> SetParametersResult:
        changed = {parameter.name: parameter.value for parameter in parameters if parameter.name in known}
        if not changed:  # rclpy's own, above all those of qos_overrides when a topic is opened
            return SetParametersResult(successful=True)
        reasons = [reason for name, value in changed.items() if (reason := known[name].complaint(value))]
        reasons += [
            f"parameter '{name}' holds a password, which every node could read: write ${{NAME}} and set that variable"
            for name, value in changed.items()
            if known[name].hides_passwords and written_out(value)
        ]
        if locked and changed:
            reasons = [f"{LOCKED}: start it with locked false to change {', '.join(changed)}"]
        state = phase()
        if state != UNCONFIGURED:
            reasons += [
                f"parameter '{name}' cannot be changed while the node is {state}: deactivate it and clean it up first"
                for name in changed
                if not known[name].dynamic
            ]
        if not reasons:
            try:
                accept({name: value for name, value in changed.items() if known[name].dynamic})
            except GaitError as error:
                reasons = [str(error)]
        return SetParametersResult(successful=not reasons, reason="; ".join(reasons))

    node.add_on_set_parameters_callback(check)
    if hasattr(node, "add_pre_set_parameters_callback"):  # Jazzy and later; before, `check` refuses passwords
        node.add_pre_set_parameters_callback(partial(_without_passwords, known))


def settings(node: Node, config: type[C], others: Mapping[str, Any] | None = None) -> C:
    """A configuration of a domain room: `others`, and for the rest of its fields the parameters of their name.

    Raises the configuration's own UsageError.
    """
    names = [field.name for field in fields(config) if node.has_parameter(field.name)]  # type: ignore[arg-type]
    return config(**{name: node.get_parameter(name).value for name in names} | dict(others or {}))


def write_file(path: Path, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a parameter file, private, for nodes in whatever namespace they are, whom `-p NODE:NAME:=` does not reach.

    values: by node and parameter name.
    """
    content = {f"/**/{node}": {"ros__parameters": dict(own)} for node, own in values.items()}
    with private_file.create(path) as file:  # passwords may be in it
        file.write(json.dumps(content, ensure_ascii=False).encode("utf-8"))  # JSON is YAML


def read_switch(name: str, text: str, choices: str = "true or false") -> bool:
    """What a launch argument says that is true or false: spelt as launch's own conditions take it (True, FALSE, 1, 0).

    choices: what the error says that it may be. Raises UsageError for anything else.
    """
    word = text.strip().lower()
    if word not in _SWITCH:
        raise UsageError(f"{name} is '{text}' but must be {choices}")
    return _SWITCH[word]


def says_rectified(topic: str) -> bool:
    """Whether a topic's name says that its images are rectified, as image_rect_color and color/rect/image do."""
    return not {"rect", "rectified"}.isdisjoint(topic.lower().replace("/", "_").split("_"))


def require_file(params_file: Path) -> None:
    """Raise UsageError where there is no such parameter file."""
    if not params_file.is_file():
        what = "no file" if params_file.exists() else "not there"
        raise UsageError(f"params_file {params_file} is {what}: copy {resource('config', 'gait.yaml')}")


def file_value(params_file: Path, node: str, name: str) -> str:
    """What `node` will find for a text parameter: the file's last word, or the default.

    Raises UsageError for a file that cannot be read.
    """
    try:
        content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"params_file {params_file} cannot be read: {' '.join(str(error).split())}") from error
    value = specifications()[node][name].default
    for target, parameters in _sections(content):
        if target.rpartition("/")[2] in (node, "*", "**"):
            value = parameters.get(name, value)
    return str(value)


def _specification(name: str, entry: Mapping[str, Any]) -> Specification:
    entry = dict(entry)
    if "range" in entry:
        entry["range"] = tuple(entry["range"])
    if "choices" in entry:
        entry["choices"] = tuple(entry["choices"])
    return Specification(name=name, **entry)


def _sections(content: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name of a node, its parameters) of a parameter file, however deep its namespaces are."""
    if not isinstance(content, Mapping):
        return
    for key, inside in content.items():
        if key == "ros__parameters" and isinstance(inside, Mapping):
            yield path, inside
        else:
            yield from _sections(inside, f"{path}/{key}")


def _overrides(node: Node) -> Mapping[str, Parameter]:
    """What was given to `node` on the command line and in parameter files.

    rclpy tells publicly of those alone that are declared, and the others are what is looked for here. Where a later
    rclpy keeps them elsewhere, nothing is found, and so nothing said.
    """
    return getattr(node, "_parameter_overrides", None) or {}


def _tell_unknown(node: Node, section: str, known: Mapping[str, Specification]) -> None:
    """One line for each parameter that nobody reads, however many nodes of the process it reaches."""
    for name in _overrides(node):
        if name in known or name in BUILT_IN or name.startswith(BUILT_IN_PREFIX) or name in _TOLD:
            continue
        _TOLD.add(name)
        owners = [other for other, entries in specifications().items() if name in entries]
        if owners:  # a `/**` file or a -p of a composed process reaches every node
            node.get_logger().warning(f"parameter '{name}' is of {', '.join(owners)}, not of {section}: ignored here")
            continue
        near = get_close_matches(name, known, n=1) or get_close_matches(name, _all_names(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"--help lists the parameters of {section}"
        node.get_logger().warning(f"unknown parameter '{name}' is ignored: {hint}")


def _without_passwords(known: Mapping[str, Specification], parameters: Iterable[Parameter]) -> list[Parameter]:
    """The parameters as others may see them."""
    return [
        Parameter(given.name, given.type_, keep_passwords(given.value))
        if given.name in known and known[given.name].hides_passwords and isinstance(given.value, str)
        else given
        for given in parameters
    ]


def _all_names() -> list[str]:
    return sorted({name for entries in specifications().values() for name in entries})


def _declare_one(node: Node, section: str, specification: Specification) -> None:
    name, given = specification.name, _overrides(node).get(specification.name)
    hidden = specification.hides_passwords and given is not None and isinstance(given.value, str)
    default = keep_passwords(given.value) if hidden and given is not None else specification.default
    try:
        # An override that is declared as it is would be published with its passwords at once.
        parameter = node.declare_parameter(name, default, specification.descriptor, ignore_override=hidden)
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        if given is None:
            raise ParameterError(f"{section}: {error}") from None
        wrong_type = isinstance(error, InvalidParameterTypeException)
        complaint = (_type_complaint if wrong_type else Specification.complaint)(specification, given.value)
        raise ParameterError(f"{section}: {complaint}") from None
    if complaint := specification.complaint(parameter.value):
        raise ParameterError(f"{section}: {complaint}")


def _type_complaint(specification: Specification, value: Any) -> str:
    """Why a value of the wrong type will not do, and how the same is written in the right one where it can be."""
    hint = ""
    if specification.type == "double" and type(value) is int:
        hint = f" (write {float(value)})"
    elif specification.type == "string" and isinstance(value, (bool, int, float)):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        hint = f""" (quote it: "'{text}'")"""
    kind = {"integer": "an integer", "strings": "a list of strings"}.get(specification.type, f"a {specification.type}")
    return f"parameter '{specification.name}' is {value!r} but must be {kind}{hint}"
