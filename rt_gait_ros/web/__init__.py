"""The page of `rt-gait watch`: what it shows, who may read it, and the server that answers browsers. No ROS."""
