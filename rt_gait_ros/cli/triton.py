"""`rt-gait triton`: the embedded Triton server, and the networks it serves."""

import argparse
import hashlib
import sys
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.cli.triton_keeper import start_keeper
from rt_gait_ros.errors import GaitError, UsageError, of_file
from rt_gait_ros.paths import expand, replace_file
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.serving.installation import find_installation, install
from rt_gait_ros.serving.listening import Listening, Ports, PrivateSocket
from rt_gait_ros.serving.repository import RepositoryModel, read_repository
from rt_gait_ros.serving.running import find_running, starting
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.server_state import Keeper, ServerState, read_states, stop_server
from rt_gait_ros.serving.supervisor import Supervisor
from rt_gait_ros.serving.triton_client import TritonClient
from rt_gait_ros.signals import KeptSignals, on_ending, raise_ended

LOOK_PERIOD = 0.2  # seconds between looks whether the server is still there

SUMMARY = "run the Triton server of the networks, and list or make the networks"

_DESCRIPTION = """\
All networks run on a Triton Inference Server, which the nodes ask by gRPC.

  rt-gait triton install      fetch a server for this machine, once (55 MB; none is needed where NVIDIA's is installed)
  rt-gait triton up           start it on the networks of this package; it stays until `down`
  rt-gait triton status       show whether it runs, and which networks are ready
  rt-gait triton down         stop it
  rt-gait triton repository   list the networks with tensors, parameters and files
  rt-gait triton derive DIR   make the networks again from the converted weights in DIR (docs/models.md)

The server listens on 127.0.0.1 only, and answers requests to networks only: no other user of this machine can
give it another network or read its memory (docs/security.md). It is started again when it dies.

A robot that has NVIDIA's Triton needs none of this: point it at the folder that `rt-gait triton repository` names, and
the nodes at it with the launch arguments triton:=external triton_url:=HOST:8001.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    commands = parser.add_subparsers(dest="triton_command", metavar="COMMAND", required=True)

    up = commands.add_parser("up", help="start the server; it stays until `down`")
    _add_repository(up)
    up.add_argument("--grpc-port", type=_port, default=8001, help="gRPC port, which the nodes use (default 8001)")
    up.add_argument("--http-port", type=_port, default=0, help="HTTP as well, on this port (default: no HTTP)")
    up.add_argument("--metrics-port", type=_port, default=0, help="Prometheus metrics, on this port (default: none)")
    up.add_argument(
        "--socket-folder",
        type=Path,
        metavar="DIR",
        help="listen on a Unix socket in this private folder (mode 0700) that nobody else can enter, not on a port",
    )
    up.add_argument("--networks", nargs="+", default=[], metavar="NAME", help="load only these (default: all)")
    up.add_argument("--foreground", action="store_true", help="stay until a signal comes, then stop it")
    up.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)  # what `up` leaves behind
    up.set_defaults(action=_up)

    status = commands.add_parser("status", help="say whether a server answers, and which networks are ready")
    status.add_argument("--url", default="127.0.0.1:8001", help="gRPC address to ask (default 127.0.0.1:8001)")
    _add_repository(status)
    add_json_argument(status)
    status.set_defaults(action=_status)

    down = commands.add_parser("down", help="stop the servers that `up` left running, or the one on a port")
    which = down.add_mutually_exclusive_group()
    which.add_argument("--grpc-port", type=_port, help="stop the server on this gRPC port, whoever owns it")
    which.add_argument("--url", help="stop the server at this address, as `up` and `status` name it, whoever owns it")
    down.set_defaults(action=_down)

    get = commands.add_parser("install", help="fetch the server into the cache folder, unless this machine has one")
    get.set_defaults(action=_install)

    repository = commands.add_parser("repository", help="show the networks of the model repository")
    _add_repository(repository)
    add_json_argument(repository)
    repository.set_defaults(action=_repository)

    again = commands.add_parser("derive", help="make the networks again from the converted weights")
    again.add_argument(
        "sources", type=Path, metavar="DIR", help="folder with the converted ONNX files (docs/models.md)"
    )
    again.add_argument("--network", action="append", metavar="NAME", help="this one alone; may be given several times")
    again.add_argument("--check", action="store_true", help="write nothing; fail where a network differs")
    _add_repository(again)
    again.set_defaults(action=_derive)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _add_repository(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")


def _port(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is no port: 1 to 65535")
    return int(word)


def _folder(arguments: argparse.Namespace) -> Path:
    return arguments.repository or resource("model_repository")


def _up(arguments: argparse.Namespace) -> int:
    listening, folder, networks = _listening(arguments), _folder(arguments), arguments.networks
    if arguments.foreground:
        server = TritonServer(folder, listening, networks, Keeper.me(detached=arguments.detached))
        return _serve(server, wait_for_another=not arguments.detached)
    if (running := find_running(folder, listening, networks)) is not None:
        print(f"already running at {running.url} ({running.whose})")
        return 0
    state = start_keeper(listening, folder, networks)
    print(f"Triton serves {', '.join(state.networks)} at {state.url} (pid {state.pid}, log {state.log})")
    return 0


def _listening(arguments: argparse.Namespace) -> Listening:
    if arguments.socket_folder is None:
        ports = Ports(arguments.grpc_port, arguments.http_port, arguments.metrics_port)
        given = [port for port in astuple(ports) if port]
        if len(set(given)) < len(given):
            raise UsageError("the server's ports must be different ones")
        return ports
    if arguments.http_port or arguments.metrics_port:
        raise UsageError("--socket-folder is instead of ports: on a socket there is neither HTTP nor metrics")
    return PrivateSocket(expand(arguments.socket_folder).absolute())


def _serve(server: TritonServer, *, wait_for_another: bool) -> int:
    """Have the networks served until a signal comes: by the server that is there already, for as long as it is, else by
    our own, which is kept running."""
    on_ending(raise_ended)
    supervisor = Supervisor(server, _say)
    try:
        while True:
            with starting(server.listening):
                running = find_running(server.repository, server.listening, server.networks)
                if running is None:
                    supervisor.start()
            if running is None:
                return _watch(supervisor)
            _say(f"using the Triton server that runs at {running.url} ({running.whose})")
            if not wait_for_another:
                return 0
            while running.alive:
                time.sleep(LOOK_PERIOD)
            _say(f"the Triton server at {running.url} has ended: starting one here")
    except KeyboardInterrupt:
        return 0
    finally:
        supervisor.stop()


def _watch(supervisor: Supervisor) -> int:
    """Wait for a signal, or for `down` in another shell. A second signal must not cut short what comes then: the
    server's own end."""
    signals, server = KeptSignals(), supervisor.server
    on_ending(signals.keep)
    _say(f"Triton serves {', '.join(server.networks)} at {server.url} (log {server.log})")
    while not signals.number and not supervisor.ended:
        time.sleep(LOOK_PERIOD)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _status(arguments: argparse.Namespace) -> int:
    state = next((state for state in read_states() if state.url == arguments.url), None)
    names = state.networks if state else list(read_repository(_folder(arguments)))
    report = _report(arguments.url, state, names)
    if report["running"]:
        lines = [f"Triton {report['version']} answers at {report['url']}"]
        lines += [f"  {name:28} {'ready' if ready else 'not ready'}" for name, ready in report["models"].items()]
    else:
        lines = [f"no Triton server answers at {report['url']}: start one with `rt-gait triton up`"]
    emit(arguments, report, "\n".join(lines))
    return 0 if report["ready"] else 1


def _report(url: str, state: ServerState | None, names: list[str]) -> dict[str, Any]:
    client = TritonClient(url, timeout=1.0)
    try:
        version = client.version()
        models = {name: _answers(client, name) for name in names}
    except InferenceError:
        version, models = None, dict.fromkeys(names, False)
    finally:
        client.close()
    return {
        "url": url,
        "running": version is not None,
        "ready": all(models.values()),
        "version": version,
        "models": models,
        "pid": state.pid if state else None,
        "repository": state.repository if state else None,
        "log": str(state.log) if state else None,
    }


def _answers(client: TritonClient, name: str) -> bool:
    try:
        client.describe(name)
    except InferenceError:
        return False
    return True


def _down(arguments: argparse.Namespace) -> int:
    url = Ports(arguments.grpc_port).url if arguments.grpc_port else arguments.url
    states = [state for state in read_states() if url in (None, state.url)]
    if not states:
        print("no server of ours runs")
    for state in states:
        if url is None and not state.keeper.detached:
            print(f"left the server at {state.url} to its owner; --url {state.url} stops it all the same")
            continue
        stop_server(state)
        print(f"stopped the server at {state.url} (pid {state.pid})")
    return 0


def _install(arguments: argparse.Namespace) -> int:
    try:
        found = find_installation()
    except GaitError:
        found = install(lambda line: print(line, file=sys.stderr))
    print(f"{found.binary} (from {found.origin})")
    return 0


def _repository(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    models = read_repository(folder)
    rows = [
        {
            "name": name,
            "inputs": {tensor.name: [tensor.dtype, *tensor.shape] for tensor in model.spec.inputs},
            "outputs": {tensor.name: [tensor.dtype, *tensor.shape] for tensor in model.spec.outputs},
            "parameters": dict(model.spec.parameters),
            "sha256": hashlib.sha256(model.model_file.read_bytes()).hexdigest(),
        }
        for name, model in models.items()
    ]
    lines = [str(folder), *(line for name, model in models.items() for line in _model_lines(name, model))]
    emit(arguments, {"repository": str(folder), "models": rows}, "\n".join(lines))
    return 0


def _model_lines(name: str, model: RepositoryModel) -> list[str]:
    lines = ["", name]
    for kind, tensors in (("in", model.spec.inputs), ("out", model.spec.outputs)):
        lines += [f"  {kind:4}{tensor.name:18}{tensor.dtype:9}{list(tensor.shape)}" for tensor in tensors]
    return lines + [f"      {key} = {value}" for key, value in sorted(model.spec.parameters.items())]


def _derive(arguments: argparse.Namespace) -> int:
    from rt_gait_ros.networks.derive import RECIPES, derive, is_same  # needs onnx, of the extra [train]

    folder = _folder(arguments)
    different = 0
    for name in arguments.network or RECIPES:
        content = derive(name, arguments.sources)
        path = folder / name / "1" / "model.onnx"
        same = is_same(content, path)
        if not same and not arguments.check:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, content)
            except OSError as error:
                raise of_file(error, f"{path} cannot be written") from error
        different += not same
        print(f"{name:28} {'as shipped' if same else 'differs' if arguments.check else 'written'}")
    return 1 if arguments.check and different else 0
