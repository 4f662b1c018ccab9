"""What is known of checkpoints without reading them; imports no torch, for commands that only ask."""

# Endings of the HDF5 files that Keras writes.
KERAS_ENDINGS = (".hdf5", ".h5")
# Set networks by the program that wrote the checkpoint, and networks on optical flow.
SET_NETWORKS = ("gaitset", "opengait-gaitset", "keras-gaitset", "gaitbase", "centred-gaitset", "pruned-gaitset")
FLOW_NETWORKS = ("flow2d", "flow3d")
