"""PyTorch definitions of the networks, for importing checkpoints, exporting and training (extra [train])."""
