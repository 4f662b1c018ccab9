"""From person masks and keypoints to the gait frames that gait networks eat."""
