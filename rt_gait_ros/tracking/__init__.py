"""From people per image to tracks that keep their identity."""
