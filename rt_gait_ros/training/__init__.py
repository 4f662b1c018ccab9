"""Training of the networks (extra [train])."""
