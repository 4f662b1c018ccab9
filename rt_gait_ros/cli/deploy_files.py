"""The files that `rt-gait deploy` writes: a compose file, a Dockerfile, and units of systemd."""

MARK = "# Written by `rt-gait deploy`, which overwrites it: edit a copy."

# `igpu` images of Triton are for the Jetson's own GPU, from JetPack 6 on.
IMAGES = {"x86": "nvcr.io/nvidia/tritonserver:24.10-py3", "jetpack6": "nvcr.io/nvidia/tritonserver:24.10-py3-igpu"}
TARGETS = ("x86", "jetpack5", "jetpack6")

_DESKTOP_GPU = """\
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]
"""
_JETSON_GPU = "    runtime: nvidia\n"

# The host's network, for DDS finds other robots by multicast, and Triton on the loopback alone.
COMPOSE = """\
# Start it with: RT_GAIT_CLONE=/path/to/clone RT_GAIT_SOURCE=rtsp://… docker compose up
# It runs as 1000:1000, or as RT_GAIT_USER=UID:GID, which the volumes belong to from the first start on.
services:
  triton:
    image: {image}
    command:
      - tritonserver
      - --model-repository=/models
      - --model-control-mode=none
      - --grpc-address=127.0.0.1
      - --grpc-port=8001
      - --http-address=127.0.0.1
      - --http-port=8000
      - --allow-metrics=false
    network_mode: host
{gpu}    environment: {{ORT_DISABLE_TELEMETRY: "1"}}
    user: "${{RT_GAIT_USER:-1000:1000}}"
    read_only: true
    tmpfs: [/tmp]
    shm_size: 256m
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    volumes: ["${{RT_GAIT_CLONE:?the folder of the clone}}/model_repository:/models:ro"]
    healthcheck:
      test: [CMD, curl, --fail, --silent, "http://127.0.0.1:8000/v2/health/ready"]
      interval: 10s
      timeout: 5s
      retries: 6
      start_period: 60s
    restart: unless-stopped
  nodes:
    build:
      context: "${{RT_GAIT_CLONE:?the folder of the clone}}"
      dockerfile: "${{PWD}}/Dockerfile"
      args: {{USER: "${{RT_GAIT_USER:-1000:1000}}"}}
    command:
      - rt-gait
      - run
      - --source=${{RT_GAIT_SOURCE:?what the camera node plays}}
      - --triton=external
      - --triton-url=127.0.0.1:8001
      - --gallery=${{RT_GAIT_GALLERY:-/data/people.gallery}}
    depends_on: {{triton: {{condition: service_healthy}}}}
    network_mode: host
    environment:
      HOME: /data
      ROS_LOG_DIR: /tmp/log
      RT_GAIT_CACHE: /cache
      NUMBA_CACHE_DIR: /cache/numba
      RT_GAIT_HEARTBEAT: /tmp/heartbeat
      {transports}
    user: "${{RT_GAIT_USER:-1000:1000}}"
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    volumes: ["people:/data", "cache:/cache"]
    healthcheck:
      test: [CMD, bash, -c, '[ -n "$$(find /tmp/heartbeat -newermt "-60 seconds")" ]']
      interval: 30s
      timeout: 10s
      retries: 2
      start_period: 180s
    restart: unless-stopped
volumes:
  people: {{}}
  cache: {{}}
"""

DOCKERFILE = """\
FROM ros:jazzy
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
COPY . /workspace/src/rt_gait_ros
WORKDIR /workspace
RUN apt-get update && rosdep update \\
    && rosdep install --from-paths src --ignore-src --rosdistro jazzy --skip-keys rviz2 --yes \\
    && rm -rf /var/lib/apt/lists/*
# What rosdep has no keys for.
RUN pip install --no-cache-dir --break-system-packages 'av>=17' cryptography numba 'numpy<2' onnxruntime \\
    'psycopg[binary]>=3.2' 'tritonclient[grpc]'
RUN source /opt/ros/jazzy/setup.bash && colcon build --merge-install --cmake-args -DBUILD_TESTING=OFF \\
    && rm -rf build log src
# New volumes get the owner of the folder that they are mounted on.
ARG USER=1000:1000
RUN mkdir --mode=0700 /data /cache && chown "$USER" /data /cache
USER $USER
ENTRYPOINT ["/bin/bash", "-c", "source /workspace/install/setup.bash && exec \\"$@\\"", "--"]
CMD ["rt-gait", "doctor"]
"""

# Fast DDS talks by shared memory to everything on the same machine, and reaches no process of another user by it: RViz,
# drivers and navigation run as somebody else than the services, and often than the containers.
_TRANSPORTS = ("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")

# No MemoryDenyWriteExecute: numba and TensorRT write the code that they run. Devices stay: cameras and GPUs.
# KillMode: each takes its processes down itself; what is left of one that was killed is killed at once.
_SANDBOX = """\
User={user}
StateDirectory=rt-gait
StateDirectoryMode=0700
CacheDirectory=rt-gait
CacheDirectoryMode=0700
Environment=HOME=/var/lib/rt-gait RT_GAIT_CACHE=/var/cache/rt-gait ROS_LOG_DIR=/var/lib/rt-gait/log
Environment=NUMBA_CACHE_DIR=/var/cache/rt-gait/numba {transports}
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
KillMode=mixed
Restart=on-failure
RestartSec=2
"""

TRITON_UNIT = """\
[Unit]
Description=Triton server of rt_gait_ros
After=network.target

[Service]
Type=exec
ExecStart={program} triton up --foreground --grpc-port 8001
TimeoutStopSec=30
MemoryMax=4G
TasksMax=512
{sandbox}
[Install]
WantedBy=multi-user.target
"""

# EnvironmentFile has RT_GAIT_SOURCE and passwords of cameras, and mode 0600; systemd reads it as root. time-sync.target
# waits for the time of the network where systemd-time-wait-sync is enabled: a clock that is ahead deletes people early.
NODES_UNIT = """\
[Unit]
Description=Nodes of rt_gait_ros
Wants=rt-gait-triton.service network-online.target
After=rt-gait-triton.service network-online.target time-sync.target

[Service]
Type=notify
NotifyAccess=all
WatchdogSec=120
TimeoutStartSec=180
TimeoutStopSec=30
EnvironmentFile=/etc/rt-gait.env
ExecStart={program} run --triton external --triton-url 127.0.0.1:8001 --source ${{RT_GAIT_SOURCE}}
SupplementaryGroups=video
MemoryMax=4G
TasksMax=512
{sandbox}
[Install]
WantedBy=multi-user.target
"""


def compose_file(target: str, image: str, *, gpu: bool = True) -> str:
    """compose.yaml. target: one of TARGETS. image: of Triton. gpu: whether Triton gets NVIDIA's."""
    device = "" if not gpu else _DESKTOP_GPU if target == "x86" else _JETSON_GPU
    return f"{MARK}\n" + COMPOSE.format(image=image, gpu=device, transports=": ".join(_TRANSPORTS))


def dockerfile() -> str:
    """Dockerfile of the nodes."""
    return f"{MARK}\n{DOCKERFILE}"


def units(program: str, user: str) -> dict[str, str]:
    """Units of systemd by file name. program: path of rt-gait. user: whom they run as."""
    sandbox = _SANDBOX.format(user=user, transports="=".join(_TRANSPORTS))
    return {
        "rt-gait-triton.service": f"{MARK}\n" + TRITON_UNIT.format(program=program, sandbox=sandbox),
        "rt-gait-nodes.service": f"{MARK}\n" + NODES_UNIT.format(program=program, sandbox=sandbox),
    }
