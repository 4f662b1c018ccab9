"""Python packages that neither a ROS 2 distribution nor rosdep brings, and what to say when one is missing."""

# What is imported, and what pip calls it. Held against pyproject.toml by a test.
PIP_PACKAGES = {
    "av": "av",
    "google": "protobuf",
    "numba": "numba",
    "onnxruntime": "onnxruntime",
    "tritonclient": "tritonclient[grpc]",
}
# The variable lets pip write beside a system's own packages where PEP 668 guards them (Ubuntu 24.04), and an older pip
# ignores it. cv_bridge and the messages of the distributions are built against numpy 1.
PIP_INSTALL = (
    "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user "
    "'numpy>=1.26,<2' av numba onnxruntime 'tritonclient[grpc]'"
)


def advice(error: ModuleNotFoundError) -> str:
    """One line that says what is missing and how to get it; empty for a module that is none of these."""
    missing = (error.name or "").partition(".")[0]
    if missing not in PIP_PACKAGES:
        return ""
    return f"the Python package {PIP_PACKAGES[missing]} is not installed: {PIP_INSTALL}"
