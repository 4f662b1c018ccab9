"""The gait networks: the one table that import, export, training and pruning take their choices from.

It is known without reading a checkpoint, and imports no torch, for commands that only ask.
"""

from dataclasses import dataclass

# Endings of the HDF5 files that Keras writes.
KERAS_ENDINGS = (".hdf5", ".h5")


@dataclass(frozen=True, slots=True)
class NetworkKind:
    """One kind of checkpoint: a network as one program writes it.

    title: whose, for people. frames: kind of gait frames that the network takes. prunable: `rt-gait prune` makes it
    narrower. trainable: `rt-gait train gait` goes on from it.
    """

    title: str
    frames: str = "silhouette"
    prunable: bool = True
    trainable: bool = True


KINDS = {
    "gaitset": NetworkKind("GaitSet's -encoder.ptm"),
    "opengait-gaitset": NetworkKind("OpenGait's GaitSet"),
    "keras-gaitset": NetworkKind("Embedded-Gait's GaitSet"),
    "centred-gaitset": NetworkKind("rt-gait train gait's network.pth"),
    "pruned-gaitset": NetworkKind("rt-gait prune gait's", prunable=False),
    "gaitbase": NetworkKind("OpenGait's GaitBase"),
    "flow2d": NetworkKind("Embedded-Gait's 2D-CNN", frames="flow"),
    "flow3d": NetworkKind("Embedded-Gait's 3D-CNN", frames="flow"),
    "flow3d-factorised": NetworkKind("the 3D-CNN with convolutions over space and over time", frames="flow"),
}
SET_NETWORKS = tuple(name for name, kind in KINDS.items() if kind.frames == "silhouette")
FLOW_NETWORKS = tuple(name for name, kind in KINDS.items() if kind.frames == "flow")
PRUNABLE_NETWORKS = tuple(name for name, kind in KINDS.items() if kind.prunable)

# Networks that `rt-gait train gait` makes: a centred-gaitset by the width of its first layer (32 is GaitSet's own for
# CASIA-B, 64 for OU-MVLP), a pruned-gaitset or a gaitbase of the widths that it has; and the networks on flow, of any.
WIDTHS = {"centred-gaitset": 32, "centred-gaitset-small": 16, "centred-gaitset-large": 64}
PRUNED = "pruned-gaitset"
GAITBASE = "gaitbase"
TRAINED_SETS = (*WIDTHS, PRUNED, GAITBASE)
TRAINED_NETWORKS = (*TRAINED_SETS, *FLOW_NETWORKS)
# What those on silhouettes were called before, in commands and in the folders of runs.
FORMER_NAMES = {
    "gaitset": "centred-gaitset",
    "gaitset_small": "centred-gaitset-small",
    "gaitset_large": "centred-gaitset-large",
}
# What those on flow are called elsewhere: every command that takes a kind takes these, too.
NAMES_ELSEWHERE = {"cnn2d": "flow2d", "cnn3d": "flow3d", "cnn3d-factorised": "flow3d-factorised"}
ELSEWHERE_HELP = "cnn2d and cnn3d are flow2d and flow3d"


def kind_named(name: str) -> str:
    """The kind that is meant by a name on a command line; any other name as it is."""
    return NAMES_ELSEWHERE.get(name, name)
