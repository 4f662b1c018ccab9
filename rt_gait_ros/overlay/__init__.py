"""Drawing people, tracks and names on images."""
