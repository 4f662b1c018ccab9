"""The command rt-gait."""
