"""Where the embedded server listens, and what it answers there: a socket that is its user's alone, or ports.

Triton has no users and no passwords: who reaches it may make it load a model, which is code, write a log file, or look
into shared memory. So other people are kept out by the kernel (a Unix socket in a folder of mode 0700), and where the
server listens on a port, which everybody on the machine reaches, it does nothing but answer networks.
"""

import hashlib
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from rt_gait_ros.errors import GaitError

HOST = "127.0.0.1"
_SOCKET_NAME = "triton"
_SOCKET_PORT = 1  # Triton writes a port behind any address, and that is the end of the socket's name
_LONGEST_SOCKET = 107  # bytes that struct sockaddr_un holds (unix(7)), less the closing zero
# Protocols of Triton's gRPC and HTTP services that change the server or write files; nobody needs them here, but a gait
# node that moves between two networks the first of them, on a socket that is its user's alone.
_CONTROL = "model-repository"
_CLOSED_TO_ALL = (_CONTROL, "trace", "logging")
# Those that let a client look at another's work.
_CLOSED_ON_PORTS = ("shared-memory",)
_COUNTERS = ("statistics",)  # how often each network was asked: how many people are there
# A key that no request can carry: gRPC and HTTP know no line end in a header's name, and gRPC no header beyond 16 KiB.
# One that can be sent would not be secret: Triton takes it from its command line, which everybody can read.
_KEY = "closed\nto\nall"
_VALUE_BYTES = 12_000  # twice as many characters


class NotPrivate(GaitError):
    """A folder that must be its user's alone is not."""


class PortTaken(GaitError):
    """Somebody else listens on a port."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Triton's ports on the loopback address; 0: that service is not there. NVIDIA's own are 8001, 8000 and 8002."""

    grpc: int = 8001
    http: int = 0
    metrics: int = 0

    @classmethod
    def free(cls, *, http: bool = False, metrics: bool = False) -> "Ports":
        """Ports that nobody listens on now, for gRPC and what else is asked for."""
        sockets = [socket.socket() for _ in range(3)]
        try:
            for one in sockets:
                one.bind((HOST, 0))
            grpc, second, third = (one.getsockname()[1] for one in sockets)
        finally:
            for one in sockets:
                one.close()
        return cls(grpc, second if http else 0, third if metrics else 0)

    @property
    def url(self) -> str:
        """gRPC address."""
        return f"{HOST}:{self.grpc}"

    @property
    def name(self) -> str:
        """What tells servers apart on this machine."""
        return str(self.grpc)

    def prepare(self) -> None:
        """Raise PortTaken when a port is not free."""
        for service, port in self._on().items():
            _check_port(service, port)

    def clean(self) -> None:
        """Nothing remains of ports."""

    def flags(self, *, control: bool = False) -> list[str]:
        """Triton's arguments. control: whether networks are loaded on request, which never is on ports (ValueError)."""
        if control:
            raise ValueError("everybody on the machine reaches a port: nobody may load networks there")
        flags = [f"--allow-{service}={'true' if port else 'false'}" for service, port in asdict(self).items()]
        flags += [
            flag for service, port in self._on().items() for flag in (f"--{service}-port={port}", _address(service))
        ]
        closed = (*_CLOSED_TO_ALL, *_CLOSED_ON_PORTS, *(() if self.metrics else _COUNTERS))
        return [*flags, *_closing(closed, http=bool(self.http))]

    def taken_up(self) -> bool:
        """Whether something listens on each port: Triton opens HTTP and metrics after gRPC."""
        return all(_answers(port) for port in self._on().values())

    def _on(self) -> dict[str, int]:
        return {service: port for service, port in asdict(self).items() if port}


@dataclass(frozen=True, slots=True)
class PrivateSocket:
    """A Unix socket in a folder of its own, which nobody but its user can enter. gRPC alone is there.

    folder: absolute; made by `prepare`, removed by `clean`.
    """

    folder: Path
    prefix: ClassVar[str] = "rt_gait_triton_"

    @classmethod
    def new(cls) -> "PrivateSocket":
        """One that does not exist yet, where the system keeps a user's sockets."""
        return cls(_socket_root() / f"{cls.prefix}{secrets.token_hex(6)}")

    @property
    def path(self) -> Path:
        """The socket itself."""
        return self.folder / f"{_SOCKET_NAME}:{_SOCKET_PORT}"

    @property
    def url(self) -> str:
        """gRPC address."""
        return f"unix:{self.path}"

    @property
    def name(self) -> str:
        """What tells servers apart on this machine."""
        if self._ours:
            return self.folder.name
        return f"{self.prefix}{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]}"

    @property
    def _ours(self) -> bool:
        return self.folder.name.startswith(self.prefix)

    def prepare(self) -> None:
        """Make the folder. Raises NotPrivate when it is there and not its user's alone."""
        if len(os.fsencode(self.path)) > _LONGEST_SOCKET:
            raise NotPrivate(f"{self.path} is too long for a socket: choose a folder with a shorter path")
        private_folder(self.folder)
        self.path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove the socket, and the folder unless the user has chosen it."""
        self.path.unlink(missing_ok=True)
        if self._ours and self.folder.is_dir():
            self.folder.rmdir()

    def taken_up(self) -> bool:
        """Whether the socket is there."""
        return self.path.exists()

    def flags(self, *, control: bool = False) -> list[str]:
        """Triton's arguments. control: networks are loaded and unloaded on request of whoever reaches the socket."""
        address = f"--grpc-address=unix:{self.folder / _SOCKET_NAME}"
        closed = [each for each in _CLOSED_TO_ALL if not (control and each == _CONTROL)]
        return [
            *("--allow-http=false", "--allow-metrics=false", address, f"--grpc-port={_SOCKET_PORT}"),
            *_closing(closed, http=False),
        ]


@dataclass(frozen=True, slots=True)
class MeasuredSocket(PrivateSocket):
    """A private socket for gRPC, and on loopback ports what a benchmark needs beside it: HTTP, and Triton's figures.

    Shared memory is open on the socket, which its user alone reaches, and closed on the ports as everywhere. Who else
    is on the machine may ask the networks by HTTP and read how often they were asked, for as long as the benchmark's
    server lives: so let it serve networks on made-up people and nothing else. http, metrics: ports; 0: not there.
    """

    http: int = 0
    metrics: int = 0

    @classmethod
    def free(cls, *, http: bool) -> "MeasuredSocket":
        """One that does not exist yet, with a free port for the metrics, and one for HTTP where it is asked for."""
        ports = Ports.free(http=http, metrics=True)
        return cls(PrivateSocket.new().folder, ports.http, ports.metrics)

    def prepare(self) -> None:
        """Make the folder. Raises NotPrivate as PrivateSocket does, PortTaken when a port is not free."""
        for service, port in self._ports().items():
            _check_port(service, port)
        PrivateSocket.prepare(self)

    def taken_up(self) -> bool:
        """Whether the socket is there, and something listens on each port."""
        return PrivateSocket.taken_up(self) and all(_answers(port) for port in self._ports().values())

    def flags(self, *, control: bool = False) -> list[str]:
        """Triton's arguments. control: as Ports has it, for there are some."""
        if control:
            raise ValueError("nobody may load networks where there are ports")
        flags = [f"--grpc-address=unix:{self.folder / _SOCKET_NAME}", f"--grpc-port={_SOCKET_PORT}"]
        for service, port in (("http", self.http), ("metrics", self.metrics)):
            flags.append(f"--allow-{service}={'true' if port else 'false'}")
            if port:
                flags += [f"--{service}-port={port}", _address(service)]
        flags += _closing(_CLOSED_TO_ALL, http=False)
        if self.http:
            flags += _closing((*_CLOSED_TO_ALL, *_CLOSED_ON_PORTS), http=True)[1:]
        return flags

    @property
    def http_url(self) -> str:
        """HTTP address, or ""."""
        return f"{HOST}:{self.http}" if self.http else ""

    @property
    def metrics_url(self) -> str:
        """Address of the metrics, or ""."""
        return f"{HOST}:{self.metrics}" if self.metrics else ""

    def _ports(self) -> dict[str, int]:
        return {service: port for service, port in (("http", self.http), ("metrics", self.metrics)) if port}


Listening = Ports | PrivateSocket


def private_folder(folder: Path, *, mend: bool = False) -> None:
    """Make `folder` (mode 0700) unless it is there. mend: close one of this user's that others can enter.

    Raises NotPrivate when it is not this user's alone, or a link.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)  # whatever the umask says
        return
    except FileExistsError:
        pass
    except OSError as error:
        raise NotPrivate(f"{folder} cannot be made: {error.strerror}") from None
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise NotPrivate(f"{folder} is not a folder of this user's: remove it, or choose another")
    if found.st_mode & 0o077:
        if not mend:
            raise NotPrivate(f"others can enter {folder}: `chmod 700 {folder}` first, or choose another folder")
        folder.chmod(0o700)


def _socket_root() -> Path:
    """The user's run-time folder, else the one for temporary files; a short one, as socket names must be."""
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    for root in (Path(named or "/nowhere"), Path(tempfile.gettempdir())):
        probe = PrivateSocket(root / f"{PrivateSocket.prefix}{'0' * 12}").path
        if root.is_absolute() and os.access(root, os.W_OK | os.X_OK) and len(os.fsencode(probe)) <= _LONGEST_SOCKET:
            return root
    return Path("/tmp")


def _address(service: str) -> str:
    return f"--{service}-address={HOST}"


def _closing(protocols: Sequence[str], *, http: bool) -> list[str]:
    rule = f"{','.join(protocols)}:{_KEY}={secrets.token_hex(_VALUE_BYTES)}"
    return [f"--grpc-restricted-protocol={rule}", *([f"--http-restricted-api={rule}"] if http else [])]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _check_port(service: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ports of a server that just ended are good
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"Triton's {service} port {port} is not free ({error.strerror}): stop what listens there "
                "(`rt-gait triton down` if it is ours), choose other ports, or use that server with triton:=external"
            ) from None
