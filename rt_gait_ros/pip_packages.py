"""Python packages that may be missing, and what to say then: one line with the command that brings them."""

# What is imported, and what pip calls it, of that which neither a ROS 2 distribution nor rosdep brings. Held against
# pyproject.toml by a test.
PIP_PACKAGES = {
    "av": "av",
    "google": "protobuf",
    "numba": "numba",
    "onnxruntime": "onnxruntime",
    "tritonclient": "tritonclient[grpc]",
}
# The variable lets pip write beside a system's own packages where PEP 668 guards them (Ubuntu 24.04), and an older pip
# ignores it. The messages of the distributions are built against numpy 1.
PIP_INSTALL = (
    "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user "
    "'numpy>=1.26,<2' 'av>=17' numba onnxruntime 'tritonclient[grpc]'"
)
# What is imported, and the extra of pyproject.toml that brings it.
EXTRAS = {
    "cryptography": "encryption",
    "h5py": "train",
    "keyring": "encryption",
    "onnx": "train",
    "onnxscript": "train",
    "psycopg": "fleet",
    "py_trees": "behaviours",
    "pycocotools": "train",
    "rclpy": "ros",
    "rosbags": "bags",
    "torch": "train",
    "torch_pruning": "train",
}
NO_ROS = (
    "ROS 2 is not installed or not sourced, and nodes need it: pip install 'rt-gait-ros[ros]', "
    "or source the setup file of your ROS 2 distribution"
)


def advice(error: ModuleNotFoundError) -> str:
    """One line that says what is missing and how to get it; empty for a module that is none of these."""
    missing = (error.name or "").partition(".")[0]
    if missing == "rclpy":
        return NO_ROS
    if missing in EXTRAS:
        return f"{missing} is not installed: {extra(EXTRAS[missing])}"
    if missing in PIP_PACKAGES:
        return f"the Python package {PIP_PACKAGES[missing]} is not installed: {PIP_INSTALL}"
    return ""


def extra(name: str) -> str:
    """The command that installs an extra of the package."""
    return f"pip install 'rt-gait-ros[{name}]'"
