"""From an image to people: networks' decoders, keypoint layouts and the two-stage pipeline."""
